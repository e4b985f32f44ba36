"""`chat_send --run`: a job that runs to its end whatever becomes of the chat, and then the report of it."""
