"""Room names: which are allowed, and the key by which two spellings are the same room."""

import re
import unicodedata
from functools import lru_cache

from chatcore.exceptions import BadRoomName

LONGEST = 64
_PUNCTUATION = "-_."
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
#: Letters and marks that show nothing (Default_Ignorable_Code_Point): two rooms would look the same.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def room_key(name: str) -> str:
    """The key under which `name` is unique and found: NFKC(casefold(NFKC(name))).

    In Python and not in the database, because SQLite folds ASCII only (Unicode Standard, section 3.13, D146).
    """
    return _known_key(name) if len(name) <= LONGEST else _folded(name)  # who asks may send any length


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", storable(name)).casefold())


_known_key = lru_cache(maxsize=4096)(_folded)


def storable(name: str) -> str:
    """`name` with U+FFFD for what no database takes (NUL, half a surrogate pair): such a name is nobody's."""
    return _UNSTORABLE.sub("\ufffd", name)


def check_room_name(name: str) -> None:
    """Raise BadRoomName with what is wrong unless `name` may be a room's name."""
    if not 1 <= len(name) <= LONGEST:
        raise BadRoomName(f"a room name has 1 to {LONGEST} characters, this one has {len(name)}")
    for character in name:
        if character not in _PUNCTUATION and not _is_word(character):
            raise BadRoomName(f"a room name has letters, digits, - _ and . only, not {character!a}")
        if _INVISIBLE.match(character):
            raise BadRoomName(f"a room name has no characters that cannot be seen, such as {character!a}")
    if name[0] in _PUNCTUATION or unicodedata.category(name[0])[0] == "M" or name[-1] in _PUNCTUATION:
        raise BadRoomName("a room name begins and ends with a letter or a digit")
    if not all(_is_word(character) or character in _PUNCTUATION for character in room_key(name)):
        raise BadRoomName("a room name has no characters that fold into punctuation or blanks")


def _is_word(character: str) -> bool:
    """Whether it is a letter, a mark or a decimal digit."""
    category = unicodedata.category(character)
    return category[0] in "LM" or category == "Nd"
