"""What `chat_prune`, `chat_backup` and `chat_restore` do."""
