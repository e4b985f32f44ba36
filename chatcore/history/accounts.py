"""Accounts as those who run the site see them: rights, mutes and bans, when somebody was here last."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db.models import Max
from django.utils import timezone

from chatcore.actors import actor_for
from chatcore.history.people import account_named
from chatcore.models import Presence, ReadMark, Sanction

#: Accounts that are read at once.
_AT_ONCE = 1000


class SanctionView(NamedTuple):
    """A mute or a ban that holds: until when (None: until it is lifted), why, by whom, since when."""

    kind: str
    until: datetime | None
    reason: str
    by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account: its name, the name that people see, what it may, and when its person was here last.

    `seen_at` is the last time of reading or signing in; None is never, or not known.
    """

    id: str
    name: str
    username: str
    is_active: bool
    is_staff: bool
    is_superuser: bool
    is_here: bool
    seen_at: datetime | None
    sanctions: list[SanctionView] = field(default_factory=list)


def accounts(names: Sequence[str] = ()) -> Iterator[AccountView]:
    """These accounts, or all, by name; switched-off ones, too. UserNotFound."""
    model = get_user_model()
    users = model._default_manager.order_by(model.USERNAME_FIELD)
    ids = {account_named(name).id for name in names}
    if names:
        users = users.filter(pk__in=ids)
    sanctions, here, read = _sanctions(ids), _present(ids), _read(ids)
    for user in users.iterator(_AT_ONCE):
        actor = actor_for(user)
        yield AccountView(
            actor.id, actor.name, actor.username, user.is_active, actor.is_staff, actor.is_superuser,
            actor.id in here, _latest(read.get(actor.id), user.last_login), sanctions.get(actor.id, []),
        )  # fmt: skip


def _sanctions(ids: Iterable[str]) -> dict[str, list[SanctionView]]:
    """By account, what holds at this moment; of all accounts if none are named."""
    rows = Sanction.objects.exclude(until__lte=timezone.now()).order_by("kind")
    found: dict[str, list[SanctionView]] = {}
    for row in (rows.filter(user_id__in=ids) if ids else rows).iterator():
        view = SanctionView(row.kind, row.until, row.reason, row.by, row.created_at)
        found.setdefault(row.user_id, []).append(view)
    return found


def _present(ids: Iterable[str]) -> set[str]:
    rows = Presence.objects.filter(lease__until__gt=timezone.now()).values_list("user_id", flat=True)
    return set(rows.filter(user_id__in=ids) if ids else rows)


def _read(ids: Iterable[str]) -> dict[str, datetime]:
    marks: Any = ReadMark.objects.order_by().values_list("user_id")
    return dict((marks.filter(user_id__in=ids) if ids else marks).annotate(at=Max("at")))


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)
