"""System checks: settings with which the chat would lose messages, answer late or be open to strangers.

One function an id. They read settings alone: what only a look at the database, the broker or the disk tells is
`chat_check`'s, which runs these first.
"""

from chatcore.checks import chat_settings, database, layer, site

__all__ = ["chat_settings", "database", "layer", "site"]
