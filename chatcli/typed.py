"""A command line as it is being typed in bash: its words, and what the shell puts in place of the last one. Pure."""

import re
from collections.abc import Iterable, Iterator

# What means something to a shell outside quotes. Letters and marks of any language do not
_SPECIAL = re.compile(r"[^\w@%+=:,./\-\u0080-\U0010ffff]")
_SPECIAL_IN_DOUBLE_QUOTES = re.compile(r'["$`\\]')


class Typed:
    """`words` are those before the one that is being typed, `current`; `<` and `>` are words too.

    Names of variables and the like stay as they are: they are the shell's, and no name of ours has them.
    """

    def __init__(self, line: str, breaks: str) -> None:
        """`line` up to the cursor; `breaks`: at these characters bash begins a new piece of a word."""
        self.words: list[str] = []
        self.current = ""
        self._begun = self._escaped = False
        self._quote = ""
        #: How much of the current word bash keeps, because it is before the piece in which the cursor is.
        self._kept = 0
        for character in line:
            self._read(character, breaks)

    def insertions(self, candidates: Iterable[str]) -> Iterator[str]:
        """Those that begin with the current word, each as it is to be typed where the cursor is."""
        for candidate in candidates:
            text = self._quoted(candidate[self._kept :])
            if candidate.startswith(self.current) and text is not None:
                yield text

    def _read(self, character: str, breaks: str) -> None:
        if self._escaped:
            self._add(character)
            self._escaped = False
        elif character == "\\" and self._quote != "'":
            self._begun = self._escaped = True
        elif self._quote:
            if character == self._quote:
                self._quote = ""
            else:
                self._add(character)
        elif character in "'\"":
            self._quote, self._begun, self._kept = character, True, len(self.current)
        elif character in " \t\n<>":
            self._end_word()
            self.words.extend(character.strip())
        else:
            self._add(character)
            if character in breaks:
                self._kept = len(self.current) - (character == "@")  # with which a piece begins, for host names

    def _add(self, character: str) -> None:
        self.current += character
        self._begun = True

    def _end_word(self) -> None:
        if self._begun:
            self.words.append(self.current)
        self.current, self._begun, self._kept = "", False, 0

    def _quoted(self, text: str) -> str | None:
        """The text as it is written here; None if it cannot be."""
        if self._quote == "'":
            return None if "'" in text else text
        if self._quote == '"':
            return None if "!" in text else _SPECIAL_IN_DOUBLE_QUOTES.sub(r"\\\g<0>", text)
        return _SPECIAL.sub(r"\\\g<0>", text)
