"""The HTTP API, for programs: one table of operations, from which requests are routed and the documentation is made.

It is served before Django, in the event loop, by the process's own writer and hub.
"""

from chatcore.api.application import Api
from chatcore.api.requests import Process

__all__ = ["Api", "Process"]
