"""The page's log (`log.js`): whatever order and however often events come, the same view and the same cursor."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

from tests.acceptance.browsing import People
from tests.acceptance.site import ChatSite

pytestmark = [pytest.mark.browser, pytest.mark.slow]

REPLAY = """async (events) => {
    const { Log } = await import("/static/chatcore/log.js");
    const log = new Log();
    for (const event of events) {
        if (event.ask) log.expect(true);
        else if (event.page) log.page(event.page);
        else if (event.forget) log.forget(event.forget);
        else log.apply(event);
    }
    return { cursor: log.cursor("e"), atEnd: log.atEnd, view: log.inOrder.map((m) => [m.seq, m.message, m.deleted]) };
}"""


@pytest.fixture
def page(shared_site: ChatSite, people: People) -> Page:
    page = people.visitor(shared_site).page
    page.goto(f"{shared_site.url}accounts/login/")
    return page


def _history(changes: list[tuple[int, bool]]) -> list[dict[str, Any]]:
    """Three messages, then edits and deletions of them, each event as it is sent live."""
    state = {seq: {"seq": seq, "message": f"{seq}.0", "edited_at": None, "deleted": False} for seq in (1, 2, 3)}
    events: list[dict[str, Any]] = [{"type": "message", "rev": seq, "id": f"m{seq}", **state[seq]} for seq in state]
    for seq, deletes in changes:
        message, rev = state[seq], len(events) + 1
        if message["deleted"]:
            continue
        if deletes:
            message.update(message="", deleted=True)
        else:
            message.update(message=f"{seq}.{rev}", edited_at=f"2026-11-22T06:15:{rev:02}.5Z")
        kind = "delete" if deletes else "edit"
        events.append({"type": kind, "rev": rev, "id": f"m{seq}", "change_id": f"c{rev}", **message})
    return events


def _replayed(events: list[dict[str, Any]], after: int) -> list[dict[str, Any]]:
    """What a reconnect from `after` sends: a message with its present text, then its changes under their revs."""
    latest = {event["seq"]: event for event in events}
    present = ("message", "edited_at", "deleted")
    return [
        {**event, **{key: latest[event["seq"]][key] for key in present}} for event in events if event["rev"] > after
    ]


CHANGES = st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES, data=st.data())
def test_an_interrupted_reader_ends_with_the_view_of_a_live_one(
    page: Page, changes: list[tuple[int, bool]], data: st.DataObject
) -> None:
    events = _history(changes)
    live = page.evaluate(REPLAY, events)
    heard = events[: data.draw(st.integers(0, len(events)), "heard before the cut")]
    back = data.draw(st.integers(0, len(heard)), "comes back from")
    first, last = sorted(data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)), "read back"))
    read = [{"page": _state(events, range(first, last + 1))}] if heard else []
    broken = page.evaluate(REPLAY, [*heard, *read, *_replayed(events, back), *read])
    assert broken == live
    assert live["cursor"] == {"after": len(events), "id": _event_id(events[-1]), "epoch": "e"}


def _state(events: list[dict[str, Any]], seqs: range) -> list[dict[str, Any]]:
    """These messages as they are after the events, as a page of history has them."""
    latest = {event["seq"]: event for event in events}
    return [{**latest[seq], "type": "message", "rev": seq, "id": f"m{seq}"} for seq in seqs]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES, data=st.data())
def test_a_page_that_was_read_before_a_change_and_comes_after_it_shows_the_change(
    page: Page, changes: list[tuple[int, bool]], data: st.DataObject
) -> None:
    """The page has 3, asks for 1 and 2, and changes go by at each moment between."""
    events = _history(changes)
    moments = [data.draw(st.integers(3, len(events)), what) for what in ("asked", "read", "answered")]
    asked, read, answered = sorted(moments)
    answer = {"page": _state(events[:read], range(1, 3))}
    steps = [events[2], *events[3:asked], {"ask": True}, *events[asked:answered], answer, *events[answered:]]
    assert page.evaluate(REPLAY, steps)["view"] == page.evaluate(REPLAY, events)["view"]


def test_what_is_live_goes_on_only_from_the_newest_message(page: Page) -> None:
    posted = [
        {"type": "message", "seq": seq, "rev": seq, "id": f"m{seq}", "message": str(seq), "deleted": False}
        for seq in range(1, 7)
    ]
    steps: list[dict[str, Any]] = [*posted[:4], {"forget": [4, 3]}, posted[4]]
    outside = page.evaluate(REPLAY, steps)
    assert [seq for seq, _, _ in outside["view"]] == [1, 2]
    assert (outside["atEnd"], outside["cursor"]["after"]) == (False, 5)
    steps += [{"page": [posted[4]]}, {"page": posted[2:5]}, posted[5]]
    back = page.evaluate(REPLAY, steps)
    assert [seq for seq, _, _ in back["view"]] == [1, 2, 3, 4, 5, 6]
    assert back["atEnd"]


def _event_id(event: dict[str, Any]) -> str:
    return str(event.get("change_id") or event["id"])


def test_a_log_that_has_seen_nothing_asks_for_the_newest(page: Page) -> None:
    assert page.evaluate(REPLAY, []) == {"cursor": {}, "atEnd": True, "view": []}


def test_a_change_of_a_message_that_is_not_shown_moves_the_cursor_only(page: Page) -> None:
    edit = {"type": "edit", "seq": 7, "rev": 40, "id": "m", "change_id": "c", "message": "x", "deleted": False}
    assert page.evaluate(REPLAY, [edit]) == {
        "cursor": {"after": 40, "id": "c", "epoch": "e"},
        "atEnd": True,
        "view": [],
    }
