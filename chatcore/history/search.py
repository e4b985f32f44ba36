"""Search in a room's messages: from the newest down, within a budget, in Python, because databases fold case in
different ways. PostgreSQL's index of words (`word_index`) takes over where a room is long."""

import time
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from chatcore.events import Message
from chatcore.exceptions import BadRequest
from chatcore.history import word_index
from chatcore.history.log import messages_numbered, texts_before

LONGEST_QUERY = 200
#: Found messages of one answer; messages and seconds that one search looks through at most.
_MOST_FOUND = 50
_MOST_MESSAGES = 100_000
_MOST_SECONDS = 0.5
#: Messages that are looked through before an index is asked, which knows beginnings of words only.
_BEFORE_INDEX = 5_000
#: Characters of found messages: each of them is looked at again to mark the words.
_MOST_TEXT = 200_000
_PAGE = 500


class Piece(NamedTuple):
    """A piece of a text, and whether it is one of the words that were searched."""

    text: str
    marked: bool


class Hit(NamedTuple):
    """A message in which all the words occur, its title and its text in pieces."""

    message: Message
    title: list[Piece]
    text: list[Piece]


class Found(NamedTuple):
    """Hits, newest first. `before`: the number below which the search goes on, None when all was looked through."""

    hits: list[Hit]
    before: int | None


def search(room_id: int, query: str, before: int | None = None) -> Found:
    """The newest messages below number `before` whose text or title has all the words of the query, in any case.

    BadRequest for a query that is too long.
    """
    if len(query) > LONGEST_QUERY:
        raise BadRequest(f"a search has at most {LONGEST_QUERY} characters, this one has {len(query)}")
    words = words_of(query)
    seqs, further = _matches(room_id, words, before if before is not None else 2**63 - 1)
    messages = messages_numbered(room_id, seqs)
    kept = [messages[seq] for seq in seqs if seq in messages and not messages[seq].deleted]
    return Found([Hit(it, pieces(it.title or "", words), pieces(it.message, words)) for it in kept], further)


def _matches(room_id: int, words: Sequence[str], before: int) -> tuple[list[int], int | None]:
    """The numbers of matching messages, and below which number the search goes on."""
    looking = _Looking(words)
    asked = word_index.question(words)
    further = looking.through(room_id, before, _MOST_MESSAGES if asked is None else _BEFORE_INDEX)
    if asked is not None and further is not None and not looking.full:
        further = looking.at(word_index.texts_with(room_id, asked, further))
    return looking.found, further


class _Looking:
    """What one search has found, and how much more it may."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._deadline = time.monotonic() + _MOST_SECONDS
        self._size = 0
        self.found: list[int] = []

    @property
    def full(self) -> bool:
        """Whether nothing more may be found or looked at."""
        much = len(self.found) == _MOST_FOUND or self._size >= _MOST_TEXT
        return much or time.monotonic() >= self._deadline  # folding a hostile text takes long

    def through(self, room_id: int, before: int, most: int) -> int | None:
        """Look at up to `most` messages below `before`; below which number it goes on, None at the room's beginning."""
        looked = 0
        while True:
            page = texts_before(room_id, before, _PAGE)
            for seq, text in page:
                looked += 1
                if self._looked_at(seq, text) or looked == most:
                    return seq
            if len(page) < _PAGE:
                return None
            before = page[-1][0]

    def at(self, texts: Iterator[tuple[int, str]]) -> int | None:
        """The same for these messages."""
        for seq, text in texts:
            if self._looked_at(seq, text):
                return seq
        return None

    def _looked_at(self, seq: int, text: str) -> bool:
        flat = folded(text)
        if all(word in flat for word in self._words):
            self.found.append(seq)
            self._size += len(text)
        return self.full


def words_of(query: str) -> list[str]:
    """The words as they are compared, each once."""
    return list(dict.fromkeys(map(folded, query.split())))


def folded(text: str) -> str:
    """The text as it is compared: without case, and composed letters like those made of two characters."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def pieces(text: str, words: Sequence[str]) -> list[Piece]:
    """The text cut where the words are. A word that only folding the whole text brings forth stays unmarked."""
    clusters = list(_clusters(text))
    whole, starts = [], []
    for number, cluster in enumerate(clusters):
        fold = folded(cluster)
        whole.append(fold)
        starts += [number] * len(fold)
    flat, marked = "".join(whole), [False] * len(clusters)
    for word in words:
        at = flat.find(word)
        while word and at >= 0:
            for number in range(starts[at], starts[at + len(word) - 1] + 1):
                marked[number] = True
            at = flat.find(word, at + len(word))
    found: list[Piece] = []
    for cluster, mark in zip(clusters, marked, strict=True):
        if found and found[-1].marked == mark:
            found[-1] = Piece(found[-1].text + cluster, mark)
        else:
            found.append(Piece(cluster, mark))
    return found


def _clusters(text: str) -> Iterator[str]:
    """The text letter by letter, each with the marks that combine with it."""
    begin = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or not unicodedata.combining(text[at]):
            yield text[begin:at]
            begin = at
