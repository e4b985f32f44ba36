"""The subcommands of `chat_rooms`."""
