"""A program that commits batch after batch into a room until its stdin is closed: `busy_writer.py ROOM`."""

import os
import sys
import threading

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
django.setup()

from chatcore.services import Post, post_messages  # noqa: E402  after the set-up


def main(room: str) -> None:
    """Twenty messages a commit, nothing in between."""
    reading = threading.Thread(target=sys.stdin.read, daemon=True)
    reading.start()
    while reading.is_alive():
        post_messages([Post(room, "busy")] * 20)


main(sys.argv[1])
