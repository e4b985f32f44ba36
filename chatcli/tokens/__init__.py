"""The subcommands of `chat_token`."""
