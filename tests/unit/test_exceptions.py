"""The errors of the domain: what each is to a program, a browser, a shell and a socket."""

import pytest

from chatcore import exceptions
from chatcore.api import errors
from chatcore.database import NotMigrated
from chatcore.exceptions import ChatError
from chatcore.services.exclusion import Busy
from chatcore.services.imported_accounts import UnknownAccounts
from chatcore.services.sessions import NoTemporaryUsers

#: code, HTTP status, exit code, close code: what docs/protocol.md and the commands' table of exit codes promise.
PROMISED: list[tuple[ChatError, str, int, int, int]] = [
    (exceptions.BadRequest("wrong"), "bad_field", 400, 2, 4400),
    (exceptions.BadRoomName("wrong"), "bad_room_name", 400, 2, 4400),
    (exceptions.Empty(), "empty", 400, 2, 4400),
    (exceptions.BadText("wrong"), "bad_text", 400, 2, 4400),
    (exceptions.Forbidden("no"), "forbidden", 403, 4, 4403),
    (exceptions.NotSignedIn(), "not_signed_in", 401, 4, 4401),
    (exceptions.RoomArchived("newbox"), "archived", 403, 4, 4403),
    (exceptions.IsSuperuser("root"), "is_superuser", 403, 4, 4403),
    (exceptions.LastOwner("newbox", "alice"), "last_owner", 403, 4, 4403),
    (exceptions.TooLong(11, 10), "too_long", 413, 4, 4400),
    (exceptions.NotFound("token", "x"), "not_found", 404, 3, 4404),
    (UnknownAccounts(["bob"]), "not_found", 404, 3, 4404),
    (exceptions.RoomNotFound("newbx", ["newbox"]), "not_found", 404, 3, 4404),
    (exceptions.MessageNotFound("newbox", 7), "not_found", 404, 3, 4404),
    (exceptions.UserNotFound("alcie", ["alice"]), "not_found", 404, 3, 4404),
    (exceptions.MemberNotFound("newbox", "bob"), "not_found", 404, 3, 4404),
    (exceptions.Conflict("two"), "conflict", 409, 4, 4400),
    (exceptions.RoomExists("newbox"), "room_exists", 409, 4, 4400),
    (exceptions.UserExists("alice"), "user_exists", 409, 4, 4400),
    (exceptions.TokenExists("ci"), "token_exists", 409, 4, 4400),
    (exceptions.KeyReused("k", 7), "key_reused", 409, 4, 4400),
    (exceptions.RateLimited(2.0), "rate", 429, 5, 4029),
    (exceptions.TooManySockets("person", 100), "too_many_sockets", 429, 5, 4029),
    (exceptions.TooManyRooms(50), "too_many_rooms", 403, 4, 4403),
    (exceptions.TooManyMembers("newbox", 5000), "too_many_members", 403, 4, 4403),
    (Busy(), "unavailable", 503, 5, 1011),
    (exceptions.Unavailable("locked"), "unavailable", 503, 5, 1011),
    (exceptions.OutcomeUnknown("lost"), "unknown", 503, 5, 1011),
    (NotMigrated("migrate"), "not_migrated", 500, 1, 4400),
    (errors.BadJson("no JSON"), "bad_json", 400, 2, 4400),
    (errors.BodyTooLarge(1000), "too_long", 413, 4, 4400),
    (errors.WrongMediaType(["application/json"]), "media_type", 415, 2, 4400),
    (errors.WrongMethod("PUT", ["GET"]), "method", 405, 2, 4400),
    (errors.ServerFailed(), "error", 500, 1, 4400),
    (NoTemporaryUsers("born: missing"), "no_temporary_users", 500, 1, 4400),
]


def family(root: type[ChatError]) -> set[type[ChatError]]:
    domain = [child for child in root.__subclasses__() if child.__module__.startswith("chatcore.")]
    return {root}.union(*map(family, domain))


@pytest.mark.parametrize(("error", "code", "status", "exit_code", "close_code"), PROMISED)
def test_an_error_has_the_codes_that_are_promised(
    error: ChatError, code: str, status: int, exit_code: int, close_code: int
) -> None:
    assert (error.code, error.status, error.exit_code, error.close_code) == (code, status, exit_code, close_code)


@pytest.mark.parametrize("error", [row[0] for row in PROMISED])
def test_an_error_is_one_line_for_people(error: ChatError) -> None:
    assert str(error) == error.detail
    assert error.detail
    assert "\n" not in error.detail


def test_every_error_of_the_domain_is_in_the_table() -> None:
    assert family(ChatError) == {type(row[0]) for row in PROMISED} | {ChatError}


def test_what_was_not_found_names_what_was_perhaps_meant() -> None:
    assert (
        str(exceptions.RoomNotFound("newbx", ["newbox", "newbag"])) == "no room newbx; did you mean newbox or newbag?"
    )
    assert str(exceptions.RoomNotFound("x")) == "no room x; create it: python manage.py create_room -- x"
    assert str(exceptions.UserNotFound("alcie", ["alice"])) == "no user alcie; did you mean alice?"
    assert str(exceptions.MessageNotFound("newbox", 7)) == "no message newbox #7"


def test_errors_carry_what_a_program_needs() -> None:
    assert exceptions.RoomNotFound("newbx", ["newbox"]).near == ["newbox"]
    assert (exceptions.TooLong(11, 10).length, exceptions.TooLong(11, 10).limit) == (11, 10)
    assert exceptions.KeyReused("k", 7).seq == 7
    assert exceptions.RateLimited(1.5).wait == 1.5
