"""Daphne with our socket: ready frames, streams, a byte cap a socket, a drain.

Only `listen` and `local` may be imported without Daphne.
"""
