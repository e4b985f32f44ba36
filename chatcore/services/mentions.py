"""Whom a text speaks of: `@name` for each name that is an account's."""

import re
from collections.abc import Iterable
from itertools import islice

from chatcore.history import existing_accounts

#: What Django lets an account's name have, after an @ that does not stand within a word, such as an e-mail address.
_MENTION = re.compile(r"(?<![\w.+-])@([\w.@+-]{1,150})")
#: What may follow a name at the end of a phrase.
_PUNCTUATION = ".@+-_"
_MOST = 20


def mentioned_in(texts: Iterable[str]) -> dict[str, list[str]]:
    """By text, the accounts that it mentions, in the order in which they come, at most 20; in one query for all.

    A name is taken as it is written, or without the punctuation behind it, or in small letters, in that order.
    """
    wanted = {text: [_spellings(name) for name in _found(text)] for text in texts if "@" in text}
    names = {name for spellings in wanted.values() for options in spellings for name in options}
    known = existing_accounts(names) if names else set()
    return {text: _known(spellings, known) for text, spellings in wanted.items()}


def _found(text: str) -> list[str]:
    return [match[1] for match in islice(_MENTION.finditer(text), _MOST)]


def _spellings(name: str) -> list[str]:
    bare = name.rstrip(_PUNCTUATION)
    return [option for option in dict.fromkeys((name, bare, name.lower(), bare.lower())) if option]


def _known(spellings: list[list[str]], known: set[str]) -> list[str]:
    accounts = (next((option for option in options if option in known), None) for options in spellings)
    return list(dict.fromkeys(account for account in accounts if account is not None))
