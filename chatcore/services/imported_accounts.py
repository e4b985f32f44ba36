"""The accounts that an imported room speaks of: found by their names, or made."""

import time
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from chatcore.exceptions import BadRequest, NotFound, Unavailable
from chatcore.names import storable
from chatcore.services.transaction import writing

#: Names in one query, and accounts made in one transaction.
_ASKED, _MADE = 1000, 50
_MOST_NAMED = 10


class Accounts(NamedTuple):
    """Primary keys as text by name, and the names of those that were made for the import."""

    ids: dict[str, str]
    created: list[str]


def accounts_for(names: Collection[str], *, create: bool, timeout: float) -> Accounts:
    """The accounts of these names. NotFound naming those that are missing; or with `create` they are made.

    Nobody can sign in with such an account until it is given a password. BadRequest for a name that none can have.
    """
    found = _found(names)
    missing = [name for name in names if name not in found]
    if missing and not create:
        raise UnknownAccounts(missing)
    made = [_new(name) for name in missing]
    created: list[str] = []
    try:
        for some in _parts(made, _MADE):
            began = time.monotonic()
            with writing(timeout, lambda batches: None):
                for user in some:
                    user.save(force_insert=True)
            created.extend(user.get_username() for user in some)
            time.sleep(time.monotonic() - began)
    except IntegrityError as error:
        remove_accounts(created, timeout=timeout)
        raise Unavailable("an account was made by somebody else meanwhile: start the import again") from error
    except BaseException:
        remove_accounts(created, timeout=timeout)
        raise
    return Accounts({**found, **{user.get_username(): str(user.pk) for user in made}}, created)


def check_accounts(accounts: Accounts) -> None:
    """Raise Unavailable unless these are still the accounts of these names: somebody may have been erased meanwhile."""
    found = _found(accounts.ids)
    gone = [name for name, pk in accounts.ids.items() if found.get(name) != pk]
    if gone:
        raise Unavailable(f"the account {gone[0]} is gone meanwhile: start the import again")


def remove_accounts(created: Collection[str], *, timeout: float) -> None:
    """Take away the accounts that were made for an import which failed, unless they were given a password since."""
    model: Any = get_user_model()
    for some in _parts(list(created), _MADE):
        unused = {f"{model.USERNAME_FIELD}__in": some, "password__startswith": UNUSABLE_PASSWORD_PREFIX}
        with writing(timeout, lambda batches: None):
            model._default_manager.filter(**unused).delete()


class UnknownAccounts(NotFound):
    """Nobody here has these names."""

    def __init__(self, names: Sequence[str]) -> None:
        shown = ", ".join(names[:_MOST_NAMED])
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        what = "account" if len(names) == 1 else "accounts"
        super().__init__(what, f"{shown}{more}", hint=": create what is missing, or import with --create-users")


def _found(names: Collection[str]) -> dict[str, str]:
    model: Any = get_user_model()
    field: str = model.USERNAME_FIELD
    found: dict[str, str] = {}
    for some in _parts([name for name in names if name == storable(name)], _ASKED):
        users = model._default_manager.filter(**{f"{field}__in": some})
        found.update((name, str(pk)) for name, pk in users.values_list(field, "pk"))
    return found


def _new(name: str) -> Any:
    """An account that is not saved yet; BadRequest when the site would not take it."""
    model: Any = get_user_model()
    user = model(**{model.USERNAME_FIELD: name})
    user.set_unusable_password()
    try:
        user.full_clean(validate_unique=False)
    except ValidationError as error:
        raise BadRequest(f"the account {name!a} cannot be made: {' '.join(error.messages)}") from None
    return user


def _parts(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
