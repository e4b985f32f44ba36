"""`runchat --workers N`: a parent that holds the sockets and the broker, and the processes that serve."""
