"""What `chat_send` does, a file a way of sending. Nothing is loaded here: a command line loads what it asks for."""
