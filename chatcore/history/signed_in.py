"""Whether people who are connected are still signed in: their accounts and their sessions, all in a few queries."""

from collections.abc import Collection, Iterator
from importlib import import_module
from itertools import islice
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends import cache, db
from django.core.cache import caches
from django.db.models import DateTimeField
from django.utils import timezone

from chatcore.exceptions import Unavailable

#: Accounts or sessions in one query, well below what a database takes.
_AT_ONCE = 2000


class Ticket(NamedTuple):
    """By what somebody came in: his account, the key of his session, and the hash that his password's change ends."""

    account_id: str
    session_key: str
    account_hash: str


class Account(NamedTuple):
    """What an account is by now: the hash of its sessions (Django's `get_session_auth_hash`), and its rights."""

    hash: str
    is_staff: bool
    is_superuser: bool


class Accounts:
    """Accounts as they are at each look. One whose row is what it was costs no more than its row."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, Account | None]] = {}

    def look(self, ids: Collection[str]) -> dict[str, Account]:
        """Those of these accounts that exist and are not switched off, by id."""
        rows = _rows(ids)
        known = {pk: self._known[pk] for pk, row in rows.items() if self._known.get(pk, (None,))[0] == row}
        changed = [pk for pk in rows if pk not in known]
        model = get_user_model()
        for some in _pieces(changed):
            for user in model._default_manager.filter(pk__in=some):
                known[str(user.pk)] = rows[str(user.pk)], _account(user)
        self._known = known
        return {pk: account for pk, (_, account) in known.items() if account is not None}


def account_hash(user: Any) -> str:
    """What each session of the account holds, too, and what another password makes another one."""
    return str(user.get_session_auth_hash()) if hasattr(user, "get_session_auth_hash") else ""


def live_sessions(keys: Collection[str]) -> set[str]:
    """Those of these sessions that are neither ended nor expired; Unavailable if what keeps them does not answer.

    In one query, or one call of the cache, for many. Other engines are asked one by one; one that keeps the session in
    the cookie knows only when it expires.
    """
    store = import_module(settings.SESSION_ENGINE).SessionStore
    if not keys:
        return set()
    if issubclass(store, db.SessionStore):  # cached_db, too: what it deletes, it deletes here
        return _in_database(store.get_model_class(), keys)
    try:
        if issubclass(store, cache.SessionStore):
            names = {store.cache_key_prefix + key: key for key in keys}
            return {names[name] for name in caches[settings.SESSION_CACHE_ALIAS].get_many(list(names))}
        return {key for key in keys if store(key).load()}
    except Exception as error:  # of the site's own engine or cache
        raise Unavailable(f"sessions cannot be looked up: {type(error).__name__} {error}") from error


def _in_database(model: Any, keys: Collection[str]) -> set[str]:
    found: set[str] = set()
    for some in _pieces(keys):
        live = model.objects.filter(session_key__in=some, expire_date__gt=timezone.now())
        found.update(live.values_list("session_key", flat=True))
    return found


def _rows(ids: Collection[str]) -> dict[str, int]:
    """By id, a number that is another one when anything in the account's row is, but for times: they decide nothing,
    and take as long to read as all else."""
    model = get_user_model()
    columns = [field.attname for field in model._meta.concrete_fields if not isinstance(field, DateTimeField)]
    rows: dict[str, int] = {}
    for some in _pieces(ids):
        for pk, *row in model._default_manager.filter(pk__in=some).values_list("pk", *columns):
            rows[str(pk)] = hash(str(row))
    return rows


def _account(user: Any) -> Account | None:
    if not user.is_active:
        return None
    rights = (bool(getattr(user, name, False)) for name in ("is_staff", "is_superuser"))
    return Account(account_hash(user), *rights)


def _pieces(wanted: Collection[str]) -> Iterator[list[str]]:
    rest = iter(wanted)
    while some := list(islice(rest, _AT_ONCE)):
        yield some
