"""`chat_check`: looks at each part of the chat and says what is wrong and what to do. It changes nothing."""
