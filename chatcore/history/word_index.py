"""PostgreSQL's full-text index of the messages' words, made by a migration. It finds words by their beginnings.

What it finds are candidates: whoever asks compares the texts.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from chatcore.database import connection
from chatcore.history.log import seq_floor, with_title
from chatcore.models import Message
from chatcore.names import storable

_NAME = "chatcore_message_words"
#: As in the index's expression.
_FOLDED = r"""regexp_replace(normalize(upper(%s COLLATE "und-x-icu"), NFKC), '[\W_]+', ' ', 'g')"""
#: Scripts that put no blanks between words, whose texts are one word each to the index: Thai to Khmer, kana, Han.
_UNDIVIDED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
#: Candidates of one query.
_PAGE = 200


class Question(NamedTuple):
    """What the index can be asked."""

    #: What is indexed, in the words of the database.
    expression: str
    #: Beginnings of words.
    tokens: list[str]


def question(words: Sequence[str]) -> Question | None:
    """How to ask for these words; None if the index has no part of them, or if there is none."""
    wanted = [storable(word) for word in words if not _UNDIVIDED.search(word)]
    if connection.vendor != "postgresql" or not wanted or (expression := _expression()) is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_FOLDED}", [" ".join(wanted)])
        tokens = list(dict.fromkeys(cursor.fetchone()[0].split()))
    return Question(expression, tokens) if tokens else None


def texts_with(room_id: int, asked: Question, before: int) -> Iterator[tuple[int, str]]:
    """Number and text of the room's messages below `before` in which such words are, newest first.

    The texts are as in `log.texts_before`.
    """
    table, floor = connection.ops.quote_name(Message._meta.db_table), seq_floor(room_id)
    wanted = " & ".join([f"room{room_id}", *(f"{token}:*" for token in asked.tokens)])
    # + 0: not by another index, for which the words of each message would be computed anew
    select = (
        f"SELECT seq, text, extra FROM {table} WHERE {asked.expression} @@ to_tsquery('simple', %s) "  # noqa: S608
        "AND room_id + 0 = %s AND seq + 0 > %s AND seq + 0 < %s ORDER BY seq + 0 DESC LIMIT %s"
    )
    while True:
        with connection.cursor() as cursor:
            cursor.execute(select, [wanted, room_id, floor, before, _PAGE])
            rows = cursor.fetchall()
        for before, text, extra in rows:
            yield before, with_title(text, extra)
        if len(rows) < _PAGE:
            return


def _expression() -> str | None:
    """What is indexed; None without an index that is whole."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_expr(indexprs, indrelid) FROM pg_index "
            "WHERE indexrelid = to_regclass(%s) AND indisvalid AND indisready",
            [_NAME],
        )
        row = cursor.fetchone()
    return None if row is None else str(row[0]).replace("%", "%%")
