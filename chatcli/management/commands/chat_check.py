"""`chat_check`: is everything well, and if not, which part is broken and what to do."""

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser, OutputWrapper

from chatcli.base import ChatCommand, LocalCommand
from chatcli.checking.findings import Finding, Level, worst

FORMATS = ("text", "json", "nagios")


class Command(LocalCommand):
    help = "Look at every part of the chat: settings, files, database, clock, broker, and each running server."
    examples = """\
  ./manage.py chat_check
  ./manage.py chat_check --deploy              # before others use it
  ./manage.py chat_check -q                    # in cron: silent while nothing is broken
  ./manage.py chat_check --format nagios       # OK - all is well|probe=0.8ms;;
  ./manage.py chat_check --json | jq 'select(.level == "error")'"""
    notes = """\
Exit codes: 0 if nothing is broken (warnings too), 1 if something is. With --format nagios as monitoring plugins
have it: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. That no server runs is no error. Each part has a deadline."""
    usage = "[options]"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--deploy", action="store_true", help="also what matters for a site that others use")
        parser.add_argument(
            "--format", choices=FORMATS, default="text", help="lines for people, JSON lines, or one line for Nagios"
        )
        super().add_arguments(parser)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """As all commands', but what prevents the check is UNKNOWN to Nagios."""
        try:
            return super().execute(*args, **options)
        except CommandError as error:
            if options["format"] != "nagios" or isinstance(error, _Told):
                raise
            from chatcli.checking import report

            if options.get("stdout"):
                self.stdout = OutputWrapper(options["stdout"])  # it may have failed before Django had come to that
            self.console.line(report.status_line(report.UNKNOWN[0], str(error)))
            self.leave(report.UNKNOWN[1], str(error))
            return None

    def refuse_foreign_data(self) -> None:
        """Only where the data is another account's: that a server means other data is for the check to find."""
        ChatCommand.refuse_foreign_data(self)

    def handle(self, *args: Any, deploy: bool, format: str, json: bool, verbosity: int, **options: Any) -> None:
        from chatcli.checking import checkup, report

        form = "json" if json else format
        found: list[Finding] = []
        for finding in checkup.checkup(deploy=deploy):
            found.append(finding)
            if form != "nagios" and self.worth_telling(finding, verbosity):
                self.tell(finding, form)
        if form == "nagios":
            status, code = report.NAGIOS[worst(found)]
            if not self.quiet or code:
                self.console.line(report.nagios_line(found))
            self.leave(code, status)
        elif worst(found) is Level.ERROR:
            raise CommandError(report.summary(found))
        elif form == "text" and verbosity > 0 and not self.quiet:
            self.console.line(report.summary(found))

    def worth_telling(self, finding: Finding, verbosity: int) -> bool:
        """With -q errors, with -v 0 also warnings, else everything."""
        least = Level.ERROR if self.quiet else Level.OK if verbosity > 0 else Level.WARNING
        return finding.level >= least

    def tell(self, finding: Finding, form: str) -> None:
        from chatcli.checking import report

        if form == "json":
            self.console.json(report.json_line(finding))
        else:
            self.console.record(report.record(finding))

    def leave(self, code: int, reason: str) -> None:
        """End with this code, and without a further word where the process is ours."""
        if code and self.own_process:
            sys.exit(code)
        if code:
            raise _Told(reason, returncode=code)


class _Told(CommandError):
    """Everything about it was said already."""
