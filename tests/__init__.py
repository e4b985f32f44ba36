"""Tests by realness: unit (no I/O), integration (database, in-process ASGI), acceptance (real processes), bench."""
