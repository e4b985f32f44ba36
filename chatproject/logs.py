"""What the log says of clients' mistakes."""

import logging


def without_traceback(record: logging.LogRecord) -> bool:
    """A logging filter: the line stays, where in Django it was noticed goes."""
    record.exc_info = None
    return True


def database_in_one_line(record: logging.LogRecord) -> bool:
    """A logging filter: of the database's trouble the reason is said, and not where in Django it was noticed."""
    from chatcore.database import trouble  # not while the settings are being read

    if record.exc_info and (found := trouble(record.exc_info[1])) is not None:
        record.msg, record.args, record.exc_info = f"{record.getMessage()} ({found})", (), None
    return True
