"""Mutes and bans: for the whole site, until a time or until they are lifted. What they mean is in `permissions`."""

from datetime import datetime
from typing import NamedTuple

from django.utils import timezone

from chatcore.actors import Actor
from chatcore.exceptions import BadRequest, UserNotFound
from chatcore.history import account_named, site_standing
from chatcore.models import Sanction
from chatcore.names import storable
from chatcore.permissions import check_lift, check_sanction
from chatcore.services.transaction import writing

_LONGEST_REASON = 500


class Imposed(NamedTuple):
    """A mute or a ban that holds now."""

    account: str
    kind: str
    until: datetime | None
    reason: str


class Lifted(NamedTuple):
    """Who is free of a mute or a ban now, and whether one held until this moment."""

    account: str
    kind: str
    held: bool


def impose_sanction(
    account: str, kind: str, actor: Actor, *, until: datetime | None = None, reason: str = "", timeout: float = 5.0
) -> Imposed:
    """Mute or ban (`kind`) the account, or change until when and why. UserNotFound, Forbidden, BadRequest.

    It binds the next post already; open sockets of who is banned are closed by each server within seconds.
    """
    _check_kind(kind)
    if until is not None and until <= timezone.now():
        raise BadRequest("this time is over: name one to come, or none")
    if len(reason) > _LONGEST_REASON or not reason.isprintable():
        raise BadRequest(f"the reason is one line of at most {_LONGEST_REASON} characters")
    person = account_named(account)
    check_sanction(actor, site_standing(actor), person)
    facts = {"user_name": person.name, "until": until, "reason": reason, "by": actor.label}
    with writing(timeout, lambda batches: None):
        Sanction.objects.update_or_create(
            user_id=person.id, kind=kind, defaults={**facts, "created_at": timezone.now()}
        )
    return Imposed(person.name, kind, until, reason)


def lift_sanction(account: str, kind: str, actor: Actor, *, timeout: float = 5.0) -> Lifted:
    """Take the account's mute or ban (`kind`) away; also from an account that is gone. UserNotFound, Forbidden."""
    _check_kind(kind)
    person = _sanctioned(account, kind)
    check_lift(actor, site_standing(actor), person)
    with writing(timeout, lambda batches: None):
        row = Sanction.objects.filter(user_id=person.id, kind=kind).first()
        held = row is not None and (row.until is None or row.until > timezone.now())
        if row is not None:
            row.delete()
    return Lifted(person.name, kind, held)


def _check_kind(kind: str) -> None:
    if kind not in Sanction.Kind.values:
        raise BadRequest(f"{kind!a} is no sanction: take {' or '.join(Sanction.Kind.values)}")


def _sanctioned(account: str, kind: str) -> Actor:
    """Who has that account now, or had it when he was muted or banned."""
    try:
        return account_named(account)
    except UserNotFound:
        row = Sanction.objects.filter(user_name=storable(account), kind=kind).first()
        if row is None:
            raise
        return Actor("user", row.user_id, row.user_name, row.user_name)
