"""Tells the servers at once when somebody's account, session, standing or token has changed, whatever changed it.

Only for speed: each server looks by itself every three seconds.
"""

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.db.models.signals import post_delete, post_save

#: What each sign-in writes, and what changes nothing for those who are connected.
_SIGN_IN = {"last_login"}
_STANDING = ("Membership", "Sanction")


def connect() -> None:
    """Watch accounts, sign-outs, tokens and what people are in rooms; once, when the models are loaded."""
    user_logged_out.connect(_changed, dispatch_uid="chatcore.nudges")
    for model in (get_user_model(), *(apps.get_model("chatcore", name) for name in (*_STANDING, "Token"))):
        post_save.connect(_saved, sender=model, dispatch_uid="chatcore.nudges")
        post_delete.connect(_changed, sender=model, dispatch_uid="chatcore.nudges")


def _saved(created: bool, update_fields: frozenset[str] | None, sender: type, **kwargs: Any) -> None:
    new_account = created and sender.__name__ not in _STANDING  # or token: nobody is connected by it
    if not new_account and (update_fields is None or not update_fields <= _SIGN_IN):
        _changed(**kwargs)


def _changed(using: str | None = None, **kwargs: Any) -> None:
    transaction.on_commit(_nudge, using=using, robust=True)


def _nudge() -> None:
    from chatcore import bell  # not with every command

    bell.nudge()
