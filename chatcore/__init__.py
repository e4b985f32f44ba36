"""The chat: rooms, the log of their messages, and how it reaches people. Knows nothing of terminals.

`from chatcore import post, apost` posts from any code of the site.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatcore.services import apost, post

__all__ = ["apost", "post"]


def __getattr__(name: str) -> Any:
    """Import late: Django imports this package before its models may be."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from chatcore import services

    return getattr(services, name)
