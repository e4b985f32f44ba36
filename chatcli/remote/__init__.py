"""Sending and following through the HTTP API of a running server: `roomline`, and `--server` of Django's commands.

Django is not loaded here: no settings are needed, and a command starts in a fraction of the time.
"""
