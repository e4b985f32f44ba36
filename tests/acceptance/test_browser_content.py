"""What messages look like: links, mentions, code, markup, quotes, priorities. And what no text of a person becomes."""

import json

import pytest
from playwright.sync_api import expect
from websockets.sync.client import connect

from tests.acceptance.browsing import PHONE, People, Person
from tests.acceptance.site import ChatSite
from tests.unit.hostile import HOSTILE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LINKS = """See (https://a.example/x_(y)), https://b.example/?q=1&r=2. Not javascript:alert(1) nor xhttp://c.example.
https://google.com@evil.example/ and https://xn--pple-43d.example/ "http://d.example/path"!"""
MARKDOWN = """# Done
**Built** by @alice, `x < 1`, see [the log](https://ci.example/42)
![plot](https://p.example/1.png) [bad](javascript:ran())
<img src=x onerror="window.ran = 1"> https://bare.example/

| host | state |
|---|---|
| a | up |

```
if a < b: pass
```"""


def said_by(site: ChatSite, name: str, room: str, *frames: dict[str, object]) -> None:
    """Send these frames in that person's name, each answered before the next."""
    [cookie] = site.sign_in(name)
    with connect(f"{site.ws_url(room)}?v=1", additional_headers={"Cookie": cookie}) as socket:
        socket.send(json.dumps({"type": "hello"}))
        for number, frame in enumerate(frames):
            socket.send(json.dumps({"type": "send", "client_id": f"{name}{number}", **frame}))
            while json.loads(socket.recv(10))["type"] != "sent":
                pass


def links(person: Person, text: str) -> dict[str, tuple[str, str | None]]:
    """The links of the message that begins with this text: label to address and the host that is shown behind it."""
    found = person.page.locator("#rows .text", has_text=text).locator("a").all()
    return {
        link.text_content() or "": (link.get_attribute("href") or "", link.get_attribute("data-host")) for link in found
    }


def test_addresses_become_links_that_say_where_they_lead(shared_site: ChatSite, people: People, room: str) -> None:
    said_by(shared_site, "bob", room, {"message": LINKS})
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    alice.page.locator("#rows .text").wait_for()
    assert links(alice, "See") == {
        "https://a.example/x_(y)": ("https://a.example/x_(y)", None),
        "https://b.example/?q=1&r=2": ("https://b.example/?q=1&r=2", None),
        "https://google.com@evil.example/": ("https://google.com@evil.example/", "evil.example"),
        "https://xn--pple-43d.example/": ("https://xn--pple-43d.example/", None),
        "http://d.example/path": ("http://d.example/path", None),
    }
    assert alice.texts == [LINKS]
    for link in alice.page.locator("#rows .text a").all():
        assert link.get_attribute("target") == "_blank"
        assert {"noopener", "noreferrer"} <= set((link.get_attribute("rel") or "").split())


def test_markdown_is_drawn_from_what_is_allowed(shared_site: ChatSite, people: People, room: str) -> None:
    done = shared_site.manage("chat_send", room, "--format", "markdown", "--name", "ci", "--", MARKDOWN)
    assert done.returncode == 0, done.stderr
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    text = alice.page.locator("#rows .text")
    expect(text.locator("p > strong").first).to_have_text("Done")
    expect(text.locator("mark.mention")).to_have_text("@alice")
    expect(text.locator("td").first).to_have_text("a")
    expect(text.locator("pre")).to_have_text("if a < b: pass\n")
    assert links(alice, "Built") == {
        "the log": ("https://ci.example/42", "ci.example"),
        "plot": ("https://p.example/1.png", "p.example"),
        "https://bare.example/": ("https://bare.example/", None),
    }
    assert text.locator("img, script, h1, [style], [onerror], [class]:not(.mention, .wide)").count() == 0
    assert alice.page.evaluate("() => window.ran") is None


def test_code_keeps_its_blanks_and_links_nothing(shared_site: ChatSite, people: People, room: str) -> None:
    code = "for x in y:\n    fetch('https://a.example')  # @alice"
    shared_site.manage("chat_send", room, "--format", "code", "--", code)
    [alice] = people.signed_in(shared_site, "alice")
    alice.enter(room)
    block = alice.page.locator("#rows .text > pre > code")
    block.wait_for()
    assert block.text_content() == code
    assert alice.page.locator("#rows .text a, #rows .mention").count() == 0


def test_a_message_shows_what_goes_with_it(shared_site: ChatSite, people: People, room: str) -> None:
    [alice] = people.signed_in(shared_site, "alice")
    said_by(shared_site, "bob", room, {"message": "first line\nsecond line"}, {"message": "so be it", "reply_to": 1})
    said_by(shared_site, "carol", room, {"message": "@alice and @bob, look; not @nobody or me@alice.example"})
    shared_site.manage(
        *(
            "chat_send",
            room,
            "--title",
            "Full",
            "-p",
            "5",
            "--tag",
            "disk",
            "--tag",
            "db",
            "--link",
            "https://x.example/",
        ),
        "98 %",
    )
    shared_site.manage("chat_send", room, "-p", "min", "of no weight")
    alice.enter(room)
    reply = alice.message("so be it")
    expect(reply.locator(".quote")).to_have_text("In reply tobob first line")
    assert reply.locator(".quote").get_attribute("href") == "#1"
    mentions = alice.page.locator("#rows .mention")
    assert mentions.all_text_contents() == ["@alice", "@bob"]
    assert alice.page.locator("#rows mark.mention").all_text_contents() == ["@alice"]
    expect(alice.page.locator("#rows .for-me")).to_have_count(1)
    full = alice.message("98 %")
    expect(full.locator(".priority")).to_have_text("urgent")
    expect(full.locator(".priority svg .for-high")).to_be_visible()
    expect(full.locator(".heading-text")).to_have_text("Full")
    assert full.locator(".tags li").all_text_contents() == ["disk", "db"]
    expect(full.get_by_role("link", name="https://x.example/")).to_be_visible()
    expect(alice.message("of no weight").locator(".priority")).to_have_text("lowest priority")


def test_hostile_texts_as_messages_names_titles_and_topics_break_nothing(
    shared_site: ChatSite, people: People, room: str
) -> None:
    code = f"""
import json
from chatcore import post
from chatcore.exceptions import ChatError
for text in json.loads({json.dumps(json.dumps(list(HOSTILE.values())))}):
    for given in (
        {{"text": text}}, {{"text": text, "format": "markdown"}}, {{"text": text, "format": "code"}},
        {{"text": "t", "title": text[:200]}}, {{"text": "t", "author": text[:150]}},
        {{"text": "t", "tags": [text[:50]]}},
    ):
        try:
            post({room!r}, **given)
        except ChatError:
            pass
"""
    done = shared_site.manage("shell", "-v0", "-c", code)
    assert done.returncode == 0, done.stderr
    for context in ({}, {"viewport": PHONE, "has_touch": True, "is_mobile": True}):
        [alice] = people.signed_in(shared_site, "alice", **context)  # what breaks the policy fails the test
        for text in ("<img src=x onerror='window.ran=1'>", "{{7*7}} &lt;b&gt; שלום, a (b)", "z" + "\u0301" * 150):
            done = shared_site.manage("create_room", room, "--update", f"--title={text}", f"--topic={text}")
            assert done.returncode == 0, done.stderr
            alice.enter(room)
            alice.page.locator("#rows .row").nth(10).wait_for()
            assert alice.page.locator("#title").text_content() == text
            assert alice.page.evaluate("() => window.ran") is None
            assert alice.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
            assert alice.page.evaluate(
                "() => [...document.querySelectorAll('.row')].every(row => row.scrollWidth <= innerWidth)"
            )
            assert (
                alice.page.locator("#rows :is(script, img, svg:not(.emblem, .priority svg), style, iframe)").count()
                == 0
            )
            for path in ("", f"chat/{room}/people/", f"chat/{room}/search/?q=hello"):
                alice.page.goto(shared_site.url + path)
                assert alice.page.get_by_text(text, exact=True).count(), path
                assert alice.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), path
