"""Tokens in the database: made, revoked, and what they may in real rooms."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chatcore import history, services
from chatcore.actors import SYSTEM, Actor
from chatcore.exceptions import (
    BadRequest,
    BadText,
    ChatError,
    Empty,
    Forbidden,
    NotFound,
    RoomNotFound,
    TokenExists,
    TooLong,
)
from chatcore.history import RoomView
from chatcore.history.tokens import token_named, tokens, tokens_numbered
from chatcore.models import Message, Scheduled, Token
from chatcore.services import Post, Posted
from chatcore.services.removing import delete_room
from chatcore.services.renaming import rename_room
from chatcore.services.tokens import CreatedToken, create_hook, create_token, note_use, revoke_token
from chatcore.token_texts import digest_of, read_token_text

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rooms() -> None:
    for name in ("ops", "ops-web", "Team"):
        services.create_room(name)
    services.create_room("ops-secret", private=True)


def posted(actor: Actor, room: str, text: str = "hello", **options: Any) -> Posted:
    (found,) = services.post_messages([Post(room, text, actor, source="http", **options)])
    if isinstance(found, ChatError):
        raise found
    return found


def test_what_is_stored_is_the_digest_and_nothing_of_the_secret() -> None:
    created = create_token("ci", ["ops"])
    text = read_token_text(created.text)
    assert text is not None
    row = Token.objects.values().get()
    assert (row["id"], row["digest"]) == (text.id, digest_of(text.secret))
    assert text.secret not in str(row)
    assert text.secret not in repr(created)
    assert created.token == token_named("ci") == tokens_numbered([text.id])[text.id]
    assert row["digest"] not in repr(created)


def test_rooms_are_named_in_any_spelling_and_kept_by_their_keys() -> None:
    grant = create_token("ci", ["TEAM", "Ops-*"], can=["read"], rate="5/s").token.grant
    assert (grant.rooms, grant.can, grant.rate, grant.expires_at) == (("team", "ops-*"), ("read",), "5/s", None)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: create_token("ci", []), BadRequest),
        (lambda: create_token("ci", ["ops"] * 101), BadRequest),
        (lambda: create_token("ci", ["nowhere"]), RoomNotFound),
        (lambda: create_token("ci", ["ops"], can=[]), BadRequest),
        (lambda: create_token("ci", ["ops"], can=["rule"]), BadRequest),
        (lambda: create_token("ci", ["*" * 65]), TooLong),
        (lambda: create_token("ci", ["ops"], rate="fast"), BadRequest),
        (lambda: create_token("ci", ["ops"], rate="1/s burst " + "9" * 60), TooLong),
        (lambda: create_token("ci", ["ops"], expires_at=timezone.now()), BadRequest),
        (lambda: create_token("", ["ops"]), Empty),
        (lambda: create_token(" ci", ["ops"]), BadRequest),
        (lambda: create_token("c\ni", ["ops"]), BadRequest),
        (lambda: create_token("c\x1b[31mi", ["ops"]), BadRequest),
        (lambda: create_token("c\u202ei", ["ops"]), BadRequest),
        (lambda: create_token("c\0i", ["ops"]), BadText),
        (lambda: create_token("c" * 151, ["ops"]), TooLong),
        (lambda: create_hook("ci", "ops-*"), BadRequest),
        (lambda: create_hook("ci", "nowhere"), RoomNotFound),
    ],
)
def test_what_cannot_be_a_token_is_refused_and_nothing_is_stored(
    make: Callable[[], CreatedToken], error: type[ChatError]
) -> None:
    with pytest.raises(error) as caught:
        make()
    assert type(caught.value) is error
    assert not Token.objects.exists()


def test_a_name_is_free_again_once_its_token_is_revoked() -> None:
    first = create_token("ci", ["ops"])
    with pytest.raises(TokenExists):
        create_token("ci", ["ops"])
    ended = revoke_token("ci")
    assert (ended.id, ended.state) == (first.token.id, "revoked")
    second = create_token("ci", ["ops"])
    assert token_named("ci").id == second.token.id != first.token.id
    assert [token.id for token in tokens()] == [second.token.id]
    assert {token.id for token in tokens(revoked=True)} == {first.token.id, second.token.id}


def test_who_is_not_there_cannot_be_revoked_and_a_near_match_is_named() -> None:
    create_token("backups", ["ops"])
    with pytest.raises(NotFound, match="did you mean backups"):
        revoke_token("backup")
    with pytest.raises(NotFound):
        revoke_token("back\0ups")
    revoke_token("backups")
    with pytest.raises(NotFound):
        revoke_token("backups")


def test_a_token_ends_when_its_time_is_over() -> None:
    create_token("ci", ["ops"], expires_at=timezone.now() + timedelta(hours=1))
    assert token_named("ci").state == "live"
    Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert token_named("ci").state == "expired"


def test_what_it_posts_is_by_the_token() -> None:
    actor = create_token("Nightly build", ["ops"]).token.actor
    message = posted(actor, "ops", kind="announcement").message
    assert (message.author.type, message.author.id, message.author.name) == ("token", actor.id, "Nightly build")
    assert (message.username, message.source) == ("Nightly build", "http")


def test_keys_of_two_tokens_are_apart() -> None:
    one, two = (create_token(name, ["ops"]).token.actor for name in ("one", "two"))
    assert posted(one, "ops", key="k").message.seq == posted(one, "ops", key="k").message.seq == 1
    assert posted(two, "ops", key="k").message.seq == 2
    assert set(Message.objects.values_list("key_scope", flat=True)) == {f"t:{one.id}", f"t:{two.id}"}


def test_slots_and_once_are_the_tokens_own() -> None:
    one, two = (create_token(name, ["ops"]).token.actor for name in ("one", "two"))
    posted(SYSTEM, "ops", "of the system", slot="state")
    assert posted(one, "ops", "first", slot="state").outcome == "sent"
    assert posted(one, "ops", "second", slot="state").outcome == "edited"
    assert posted(two, "ops", "third", slot="state").outcome == "sent"
    assert posted(one, "ops", "same", once=timedelta(hours=1)).outcome == "sent"
    assert posted(one, "ops", "same", once=timedelta(hours=1)).outcome == "suppressed"
    assert posted(two, "ops", "same", once=timedelta(hours=1)).outcome == "sent"


def test_a_token_edits_and_deletes_its_own_and_no_others() -> None:
    one, two = (create_token(name, ["ops"], can=["send"]).token.actor for name in ("one", "two"))
    posted(one, "ops")
    posted(SYSTEM, "ops")
    assert services.edit_message("ops", 1, "changed", one).message == "changed"
    for actor, seq in ((two, 1), (one, 2)):
        with pytest.raises(Forbidden):
            services.edit_message("ops", seq, "changed", actor)
        with pytest.raises(Forbidden):
            services.delete_message("ops", seq, actor)
    assert services.delete_message("ops", 1, one).deleted


def test_what_it_may_not_know_reads_like_what_is_not_there() -> None:
    actor = create_token("ci", ["ops-*"]).token.actor
    for room in ("ops-secret", "team", "nowhere"):
        for attempt in (
            lambda room=room: posted(actor, room),
            lambda room=room: history.room_named(room, actor),
            lambda room=room: services.edit_message(room, 1, "x", actor),
        ):
            with pytest.raises(RoomNotFound) as caught:
                attempt()
            assert str(caught.value).startswith(f"no room {room};")
            assert not {"ops-secret", "team", "Team", "ops"} & set(caught.value.near)


def test_it_sees_the_rooms_that_it_covers() -> None:
    def seen(*rooms: str, archived: bool = False) -> list[str]:
        Token.objects.all().delete()
        return [room.name for room in history.rooms_for(create_token("ci", rooms).token.actor, archived=archived)]

    assert seen("*") == ["ops", "ops-web", "Team"]
    assert seen("ops-*") == ["ops-web"]
    assert seen("ops-*", "ops-secret") == ["ops-secret", "ops-web"]
    services.archive_room("ops-web", SYSTEM)
    assert (seen("ops-*"), seen("ops-*", archived=True)) == ([], ["ops-web"])


def test_rooms_that_come_later_are_covered_by_patterns_unless_they_are_private() -> None:
    actor = create_token("ci", ["ops*"]).token.actor
    services.create_room("ops-new")
    services.create_room("ops-hidden", private=True)
    assert posted(actor, "ops-new").message.seq == 1
    with pytest.raises(RoomNotFound):
        posted(actor, "ops-hidden")


def test_a_room_that_was_made_private_is_out_of_a_patterns_reach() -> None:
    actor = create_token("ci", ["*"]).token.actor
    posted(actor, "ops")
    services.set_room("ops", SYSTEM, private=True)
    with pytest.raises(RoomNotFound):
        posted(actor, "ops")


def test_a_named_room_is_followed_when_it_is_renamed_and_its_old_name_is_another_rooms() -> None:
    token, hook = create_token("ci", ["ops-secret"]).token, create_hook("alerts", "ops-secret").token
    rename_room("ops-secret", "vault", SYSTEM)
    services.create_room("ops-secret", private=True)
    for found in tokens_numbered([token.id, hook.id]).values():
        assert found.grant.rooms == ("vault",)
        assert posted(found.actor, "vault").message.room == "vault"
        with pytest.raises(RoomNotFound):
            posted(found.actor, "ops-secret")
    assert token_named("alerts").room == "vault"


def test_a_room_that_is_deleted_leaves_its_tokens_without_one() -> None:
    create_token("ci", ["ops", "team"])
    create_hook("alerts", "ops")
    delete_room("ops", lambda done, of: None)
    services.create_room("ops")
    assert token_named("ci").grant.rooms == ("team",)
    assert (token_named("alerts").room, token_named("alerts").grant.rooms) == (None, ())


def test_what_was_scheduled_by_a_token_comes_while_the_token_holds(newbox: RoomView) -> None:
    for name in ("holds", "revoked", "narrowed"):
        actor = create_token(name, ["newbox"]).token.actor
        services.schedule_messages([Post("newbox", name, actor)], timezone.now() + timedelta(hours=1))
    revoke_token("revoked")
    token_named("narrowed")
    Token.objects.filter(name="narrowed").update(can_send=False)
    Scheduled.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert services.deliver_due() == 1
    assert [message.text for message in Message.objects.all()] == ["holds"]
    failures = dict(Scheduled.objects.values_list("request__text", "failure"))
    assert "revoked" in failures["revoked"]
    assert "may not send" in failures["narrowed"]


def test_when_it_was_last_used_is_kept() -> None:
    one, two = create_token("one", ["ops"]).token, create_token("two", ["ops"]).token
    now = timezone.now()
    note_use([one.id], now)
    assert (token_named("one").last_used_at, token_named("two").last_used_at) == (now, None)
    assert two.last_used_at is None
