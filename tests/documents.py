"""The command lines of the documents, and by what each of them is tried."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.conftest import PROJECT

DOCUMENTS = [
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted((PROJECT / "docs").rglob("*.md")),
]
#: What a line begins with that somebody shall type; in blocks of `sh` every line is one.
TYPED = re.compile(
    r"(?:\S+ ){5} *(?=/)|(?:\./manage\.py|make|python3?|pip|sudo|docker|git|source|npm|apt-get|systemctl|curl)\b"
)
#: Before the command itself: who runs it, in which container, or when cron does.
AROUND = re.compile(r"sudo -u chat |docker exec chat |docker compose --file \S+ exec server-1 |(?:\S+ ){5} *(?=/)")

#: Documents whose blocks of a language are followed as a whole, and by which test.
FOLLOWED = {
    ("docs/commands.md", "sh"): "tests/integration/test_docs_commands.py",
    ("docs/cron.md", "crontab"): "tests/acceptance/test_cron.py",
    ("docs/http-api.md", "sh"): "tests/acceptance/http_api/test_one_liners.py",
    ("docs/in-your-site.md", "sh"): "tests/acceptance/test_own_site.py",
    ("docs/operations.md", "sh"): "tests/acceptance/test_recipes.py",
    ("docs/tutorial.md", "sh"): "tests/acceptance/test_tutorial.py",
}
#: Lines, as regular expressions, that no test runs as they stand, and why.
NOT_RUN = {
    r"make run\b.*": "test_make_run does what it does, on a port of its own",
    r"make( .*)?, then .*": "words, not a line",
    r"make(?! run)( [a-z-]+)?( ARGS=.*)?": "CI runs it, or it takes hours",
    r"python3 -m venv /tmp/fresh": "moving the versions of packages is a change of its own",
    r"\./manage\.py runchat --workers 2": "goes on for ever; the tests of workers start it",
    r"\./manage\.py chat_tail newbox": "goes on for ever; test_cli_tail_output follows",
    r"\./manage\.py chat_bench bench": "takes half a minute; test_chat_bench has it shorter",
    r"(.* )?(\S*/)?manage\.py createsuperuser": "asks for a password; test_tutorial gives it one",
    r"sudo (useradd|git|make|install|cp|systemctl) .*": "changes the machine",
    r"sudo deploy/docker/make-secrets .*": "test_deploy_kit runs it, where it is not the project's",
    r"docker (build|run) .*": "needs a registry of images; test_deploy_kit holds the file to what it names",
    r"docker compose --file \S+ up .*": "the same",
}
#: The tests that run what is left.
LINE_BY_LINE = "tests/acceptance/test_recipes.py, line by line"
OF_CURL = "tests/acceptance/http_api/test_one_liners.py"


class Line(NamedTuple):
    """One command line: in which document, and in a block of which language, empty if it does not say."""

    document: str
    language: str
    text: str

    @property
    def command(self) -> str | None:
        """The line of ours in it, as it is typed in the folder of manage.py; None if it is none of ours alone."""
        match = AROUND.match(self.text)
        command = self.text[match.end() :] if match else self.text
        if match and self.text[0] in "0123456789*":
            command = command.replace("\\%", "%")
        command = re.sub(r"^/srv/chat/manage\.py", "./manage.py", command)
        return command if command.startswith("./manage.py ") else None


def command_lines() -> Iterator[Line]:
    """All of them, without comments."""
    for path in DOCUMENTS:
        name = str(path.relative_to(PROJECT))
        for language, line in _code(path.read_text()):
            text = re.sub(r" {2,}# .*", "", line)
            if (
                not text.startswith("#")
                and text.strip()
                and (language == "sh" or (language in ("", "crontab") and TYPED.match(text)))
            ):
                yield Line(name, language, text)


def ways(line: Line) -> list[str]:
    """By what the line is covered."""
    if (line.document, line.language) in FOLLOWED:
        return [FOLLOWED[line.document, line.language]]
    if line.text.startswith("curl "):
        return [OF_CURL]
    reasons = [reason for pattern, reason in NOT_RUN.items() if re.fullmatch(pattern, line.text)]
    return reasons or ([LINE_BY_LINE] if line.command else [])


def _code(text: str) -> Iterator[tuple[str, str]]:
    """The lines of the blocks of code, those that end in a backslash joined to the next, and each block's language."""
    fence: str | None = None
    before = ""
    for line in text.replace("\\\n", " ").splitlines():
        if match := re.fullmatch(r"```(\S*).*", line.strip()):
            fence = match[1] if fence is None else None
        elif fence is not None:
            yield fence, line.rstrip()
        elif line.startswith("    ") and (not before or before.startswith("    ")):
            yield "", line.strip()
        before = line if line.strip() else ""
