"""`chat_tail`: which rooms (selection), from where (start, cursor), what is read (reading), what becomes of it
(delivery, sinks), and when it ends (session)."""
