"""Roomline's command line: every command, the embedded broker and the server. Nothing imports this package."""
