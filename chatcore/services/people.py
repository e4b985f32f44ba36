"""Accounts: made with the rules of the site's own sign-up, and emptied of what they tell about a person."""

import secrets
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, router, transaction
from django.db.models import EmailField

from chatcore import conf
from chatcore.actors import Actor, actor_for
from chatcore.exceptions import BadRequest, UserExists
from chatcore.names import storable
from chatcore.services.transaction import writing

#: What is left of a name: `deleted-` and the account's primary key.
BEGINNING = "deleted-"


def create_user(name: str, *, password: str | None = None, email: str = "", timeout: float = 5.0) -> Actor:
    """Make an account; without a password nobody can sign in with it until one is set.

    UserExists, also when a name differs in case only; BadRequest with what is wrong with name, address or password.
    """
    model: Any = get_user_model()
    if name != storable(name):
        raise BadRequest("the name holds characters that cannot be stored: choose another one")
    user = model(**{model.USERNAME_FIELD: model.normalize_username(name)})
    if email:
        field = model.get_email_field_name()
        if field == model.USERNAME_FIELD and email != name:
            raise BadRequest("here the name is the address: give one of the two")
        setattr(user, field, model._default_manager.normalize_email(email))
    user.set_password(password)
    taken = model._default_manager.filter(**{f"{model.USERNAME_FIELD}__iexact": user.get_username()})
    try:
        if password is not None:
            validate_password(password, user)
        user.full_clean(validate_unique=False)
        with writing(timeout, lambda batches: None):
            if (known := taken.first()) is not None:
                raise UserExists(known.get_username())
            user.save(force_insert=True)
    except ValidationError as error:
        raise BadRequest(_told(error)) from error
    except (DataError, IntegrityError) as error:
        raise BadRequest(f"the database refuses this account ({str(error).partition(chr(10))[0]})") from error
    return actor_for(user)


def accounts_transaction() -> AbstractContextManager[Any]:
    """Around a write that also changes accounts: a transaction of theirs, where they are in another database.

    What was written to the chat's tables is then there first, so that a repeat finds the account by its name.
    """
    accounts = router.db_for_write(get_user_model())
    return nullcontext() if accounts == conf.settings.DATABASE else transaction.atomic(using=accounts)


def switch_off(user: Any) -> None:
    """Within a transaction: nobody can sign in with the account, and every session of it has ended.

    Whatever keeps the sessions: each holds a hash that hangs on the password (`get_session_auth_hash`).
    """
    user.is_active = False
    user.set_unusable_password()
    user.save()


def make_anonymous(user: Any) -> str:
    """Within a transaction: nothing in the account tells whose it was; its new name. A site's tables may point to it.

    Columns that a site has added to its accounts are its own to empty.
    """
    former, model = user.get_username(), type(user)
    setattr(user, model.USERNAME_FIELD, _nobodys_name(user))
    for field in ("first_name", "last_name", model.get_email_field_name()):
        if field != model.USERNAME_FIELD and hasattr(user, field):
            setattr(user, field, _nobodys_value(user, field))
    for field in ("is_active", "is_staff", "is_superuser"):
        if hasattr(user, field):
            setattr(user, field, False)
    user.last_login = None
    user.save()
    for rights in ("groups", "user_permissions"):
        if hasattr(user, rights):
            getattr(user, rights).clear()
    _forget_in_other_apps(user, former)
    return str(user.get_username())


def _nobodys_name(user: Any) -> str:
    """`deleted-<primary key>`, with a few random digits if somebody else has chosen that."""
    model = type(user)
    ending = "@example.invalid" if isinstance(model._meta.get_field(model.USERNAME_FIELD), EmailField) else ""
    name = f"{BEGINNING}{user.pk}{ending}"
    taken = model._default_manager.filter(**{model.USERNAME_FIELD: name}).exclude(pk=user.pk)
    return f"{BEGINNING}{user.pk}-{secrets.token_hex(4)}{ending}" if taken.exists() else name


def _nobodys_value(user: Any, name: str) -> str | None:
    """Nothing; where a site allows each value but once, something of its own or NULL."""
    field = type(user)._meta.get_field(name)
    if not field.unique:
        return ""
    return None if field.null else f"{BEGINNING}{user.pk}@example.invalid"


def _forget_in_other_apps(user: Any, former: str) -> None:
    """The name in what Django's admin and django-axes have written down, where the site has them."""
    if apps.is_installed("django.contrib.admin"):
        from django.contrib.admin.models import LogEntry

        entries = LogEntry.objects.filter(content_type__app_label=user._meta.app_label, object_id=str(user.pk))
        entries.filter(content_type__model=user._meta.model_name).update(object_repr=user.get_username())
        own = LogEntry.objects.filter(content_type__app_label="chatcore")
        for row in (f"{former}: ", f"{former} in "):  # a sanction's and a membership's
            own.filter(object_repr__startswith=row).update(object_repr=user.get_username())
    if apps.is_installed("axes"):
        from axes.utils import reset

        reset(username=former)


def _told(error: ValidationError) -> str:
    """What is wrong, in one line, with the field where the reason does not name it."""
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return "; ".join(f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items())
