"""The subcommands of `chat_user`."""
