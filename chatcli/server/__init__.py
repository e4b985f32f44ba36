"""Daphne with our socket: ready frames, a byte cap a socket, a drain. Only `listen` may be imported without Daphne."""
