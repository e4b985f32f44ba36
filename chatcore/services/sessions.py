"""Sessions for a program that uses the chat as many people would: of accounts that are there, or of temporary ones;
and the end of all that somebody has.

Only for who may read SECRET_KEY anyway. Nobody logs in by this: no signal is sent, no time of a login is kept.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_backends, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError
from django.db.models import EmailField
from django.utils.crypto import salted_hmac

from chatcore.exceptions import ChatError
from chatcore.history import user_named
from chatcore.services.transaction import writing

#: A session that is left over is good for nothing after that time.
LASTING = timedelta(hours=1)
_BEGINNING = "chat-bench-"
_SALT = "chatcore.services.sessions"
#: Accounts that are deleted in one transaction: other writers get their turn in between.
_AT_ONCE = 100


class NoTemporaryUsers(ChatError):
    """The site's accounts cannot be made without knowing more of a person."""

    code = "no_temporary_users"

    def __init__(self, reason: str) -> None:
        super().__init__(f"temporary accounts cannot be made here ({reason}): name people who are there by --as USER")


def create_temporary_users(numbers: Iterable[int], *, timeout: float = 5.0) -> list[str]:
    """Make accounts of these numbers, to which nobody can log in, and a session for each: the Cookie headers in order.

    NoTemporaryUsers. By their names `remove_temporary_users` finds them again, whatever happens meanwhile.
    """
    model: Any = get_user_model()
    names = [_temporary_name(number) for number in numbers]
    users = [model(**{model.USERNAME_FIELD: name}) for name in names]
    for user in users:
        user.set_unusable_password()
    try:
        users[0].full_clean()
        with writing(timeout, lambda batches: None):
            model._default_manager.bulk_create(users)  # which sends no signals: nobody gets a mail of welcome
            stored = model._default_manager.filter(**{f"{model.USERNAME_FIELD}__in": names})
            return _open_sessions(sorted(stored, key=lambda user: names.index(user.get_username())))
    except ValidationError as error:
        raise NoTemporaryUsers("; ".join(_reasons(error))) from error
    except (DataError, IntegrityError, ValueError) as error:
        raise NoTemporaryUsers(str(error).partition("\n")[0]) from error


def remove_temporary_users(*, timeout: float = 5.0) -> int:
    """Delete all temporary accounts there are, and their sessions; how many."""
    model: Any = get_user_model()
    named = model._default_manager.filter(**{f"{model.USERNAME_FIELD}__startswith": _BEGINNING})
    ours = [user for user in named if _is_temporary(user)]
    for start in range(0, len(ours), _AT_ONCE):
        some = ours[start : start + _AT_ONCE]
        with writing(timeout, lambda batches: None):
            for user in some:
                _new_session().delete(_session_key(user))
            model._default_manager.filter(pk__in=[user.pk for user in some]).delete()
    return len(ours)


def sign_in(accounts: Iterable[str], *, timeout: float = 5.0) -> list[str]:
    """A session for each of these accounts, beside those that they have: the Cookie headers in order. UserNotFound."""
    ids = [user_named(account).id for account in accounts]
    with writing(timeout, lambda batches: None):
        stored = get_user_model()._default_manager.filter(pk__in=ids)
        return _open_sessions(sorted(stored, key=lambda user: ids.index(str(user.pk))))


def sign_out(accounts: Iterable[str], *, timeout: float = 5.0) -> None:
    """End the sessions that `sign_in` has made for these accounts, and no others of theirs."""
    model: Any = get_user_model()
    with writing(timeout, lambda batches: None):
        for user in model._default_manager.filter(**{f"{model.USERNAME_FIELD}__in": list(accounts)}):
            _new_session().delete(_session_key(user))


def end_sessions(user: AbstractBaseUser, *, timeout: float = 5.0) -> int:
    """Delete the sessions of this account that the database keeps; how many. Elsewhere they end by the password."""
    store: Any = import_module(settings.SESSION_ENGINE).SessionStore
    if not hasattr(store, "get_model_class"):
        return 0
    own = str(user._meta.pk.value_to_string(user))
    kept = store.get_model_class().objects.all()
    keys = [row.session_key for row in kept.iterator() if str(row.get_decoded().get(SESSION_KEY)) == own]
    for start in range(0, len(keys), _AT_ONCE):
        with writing(timeout, lambda batches: None):
            for key in keys[start : start + _AT_ONCE]:
                _new_session().delete(key)  # the engine may have a copy elsewhere
    return len(keys)


def _temporary_name(number: int) -> str:
    """Nobody can have chosen this name who neither knows SECRET_KEY nor has seen it."""
    name = f"{_BEGINNING}{number}-{salted_hmac(_SALT, str(number)).hexdigest()[:8]}"
    model: Any = get_user_model()
    is_address = isinstance(model._meta.get_field(model.USERNAME_FIELD), EmailField)
    return f"{name}@example.invalid" if is_address else name


def _is_temporary(user: AbstractBaseUser) -> bool:
    name = user.get_username()
    number = name.removeprefix(_BEGINNING).partition("-")[0]
    ours = number.isascii() and number.isdecimal() and name == _temporary_name(int(number))
    return ours and not user.has_usable_password()


def _open_sessions(users: Sequence[AbstractBaseUser]) -> list[str]:
    backend = _backend(users[0])
    return [_open_session(user, backend) for user in users]


def _open_session(user: AbstractBaseUser, backend: str) -> str:
    """As `django.contrib.auth.login` does, without a request. Its key is found again by the account alone."""
    key = _session_key(user)
    session = _new_session(key)
    session.delete(key)  # what a killed run has left
    session.clear()  # or it would be looked for, and a key that is not there be given up
    session[SESSION_KEY] = user._meta.pk.value_to_string(user)
    session[BACKEND_SESSION_KEY] = backend
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.set_expiry(int(LASTING.total_seconds()))
    session.save(must_create=True)
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def _session_key(user: AbstractBaseUser) -> str:
    return salted_hmac(f"{_SALT}.key", f"{user.pk} {user.password}", algorithm="sha256").hexdigest()[:32]


def _new_session(key: str | None = None) -> SessionBase:
    store: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
    return store(key)


def _backend(user: AbstractBaseUser) -> str:
    """The backend by which the session's user is found again."""
    for path, backend in zip(settings.AUTHENTICATION_BACKENDS, get_backends(), strict=True):
        if hasattr(backend, "get_user") and backend.get_user(user.pk) is not None:
            return str(path)
    raise ChatError(f"no backend of AUTHENTICATION_BACKENDS finds the account {user.get_username()}")


def _reasons(error: ValidationError) -> Iterator[str]:
    for field, messages in error.message_dict.items():
        yield f"{field}: {' '.join(messages)}"
