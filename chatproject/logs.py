"""What the log says of clients' mistakes."""

import logging


def without_traceback(record: logging.LogRecord) -> bool:
    """A logging filter: the line stays, where in Django it was noticed goes."""
    record.exc_info = None
    return True
