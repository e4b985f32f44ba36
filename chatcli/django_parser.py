"""The command line's rules as a parser of Django's commands, which `call_command` calls with values too."""

import argparse
from typing import Any, NoReturn

from django.core.management.base import CommandError, CommandParser, DjangoHelpFormatter

from chatcli.parser import ChatParser, shown


class ChatFormatter(DjangoHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Django's order of options, and examples as they were written."""


class DjangoParser(ChatParser, CommandParser):
    """Called from a program, it raises a CommandError instead of ending the process."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(formatter_class=ChatFormatter, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Exit 2 with the usage, or from `call_command` a CommandError with that code."""
        if not self.called_from_command_line:
            raise CommandError(f"Error: {shown(message)}", returncode=2)
        super().error(message)
