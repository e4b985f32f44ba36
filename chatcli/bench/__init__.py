"""`chat_bench`: many real sockets in one room of the running server, what they saw, and how fast."""
