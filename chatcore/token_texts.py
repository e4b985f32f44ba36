"""The text of a token, `rl_<id>_<secret>`: made, read, digested, and kept out of what is written down. Pure."""

import hashlib
import re
import secrets
from typing import NamedTuple

#: Characters of the public id, without those that are taken for others.
_ID_LENGTH, _ID_ALPHABET = 12, "abcdefghijkmnpqrstuvwxyz23456789"
_SECRET_BYTES = 32
_FORM = re.compile(rf"rl_([{_ID_ALPHABET}]{{{_ID_LENGTH}}})_([A-Za-z0-9_-]{{43}})")
#: Also what was cut, or is a part of an address, with escapes (RFC 3986, section 2.1).
_ANYWHERE = re.compile(rf"(rl(?:_|%5[Ff])[{_ID_ALPHABET}]{{{_ID_LENGTH}}})(?:_|%5[Ff])[A-Za-z0-9_%-]+")


class TokenText(NamedTuple):
    """The public part, which messages and logs may name, and the one that nobody else may know."""

    id: str
    secret: str

    def __str__(self) -> str:
        return f"rl_{self.id}_{self.secret}"

    def __repr__(self) -> str:
        return f"TokenText({self.id})"


def new_token_text() -> TokenText:
    """One that nobody has or can guess."""
    token_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
    return TokenText(token_id, secrets.token_urlsafe(_SECRET_BYTES))


def read_token_text(text: str) -> TokenText | None:
    """The parts of `text`, None if it is of another form."""
    form = _FORM.fullmatch(text)
    return None if form is None else TokenText(*form.groups())


def digest_of(secret: str) -> str:
    """What is stored of a secret: SHA-256, for it is random and long; a slow hash is for what people choose."""
    return hashlib.sha256(secret.encode()).hexdigest()


def without_secrets(text: str) -> str:
    """`text` with the public parts alone of all tokens in it, as logs have it."""
    return _ANYWHERE.sub(r"\1_...", text) if "rl" in text else text
