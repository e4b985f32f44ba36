"""What opening a room costs a browser: requests, bytes, and how soon it is there: `make bench`.

Prints a Markdown table: medians of several loads without the browser's cache, in Chromium on this machine.
"""

import os
import statistics
from collections.abc import Iterator

from playwright.sync_api import Browser, Page, sync_playwright

from tests.acceptance.browsing import ARGUMENTS, CHROMIUM
from tests.acceptance.site import ChatSite
from tests.acceptance.traffic import Traffic

LOADS = 7
SIZES = (0, 60, 100_000)
#: Marks the moments in the page: connected, and the newest message drawn.
WATCH = """() => {
    const seen = {};
    new MutationObserver(() => {
        const state = document.getElementById("state");
        if (state?.dataset.state === "live") seen.connected ??= performance.now();
        if (document.querySelector("#rows [data-seq]")) seen.drawn ??= performance.now();
    }).observe(document, { subtree: true, childList: true, attributes: true });
    window.seen = seen;
}"""


def main() -> None:
    """The table."""
    if CHROMIUM is None:
        print("no Chromium on this machine: what the page costs is not measured")  # noqa: T201
        return
    print("| messages in the room | requests | bytes received | answer to connected | answer to first message |")  # noqa: T201
    print("|---|---|---|---|---|")  # noqa: T201
    with ChatSite() as site, sync_playwright() as play:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS + sandbox)
        [cookie] = site.sign_in("alice")
        for size in SIZES:
            print(row(size, list(loads(browser, site, cookie, filled(site, size)))), flush=True)  # noqa: T201
        browser.close()


def filled(site: ChatSite, size: int) -> str:
    """A room with so many messages."""
    room = f"room-{size}"
    site.manage("create_room", room)
    if size:
        lines = "".join(f"line {number}, as long as lines in a chat are on most days\n" for number in range(size))
        site.manage("chat_send", "-q", room, "--lines", "--kind", "message", input=lines, timeout=300)
    return room


def loads(browser: Browser, site: ChatSite, cookie: str, room: str) -> Iterator[dict[str, float]]:
    """What each load of the room took; the first one, for which the server loads its templates, is left out."""
    name, _, value = cookie.partition("=")
    for number in range(LOADS + 1):
        context = browser.new_context()
        context.add_cookies([{"name": name, "value": value, "url": site.url}])
        page = context.new_page()
        page.add_init_script(f"({WATCH})()")
        found = load(page, f"{site.url}chat/{room}/", empty=room.endswith("-0"))
        context.close()
        if number:
            yield found


def load(page: Page, address: str, *, empty: bool) -> dict[str, float]:
    """Open the page; times are milliseconds since the first byte of the answer."""
    traffic = Traffic(page)
    page.goto(address)
    page.wait_for_function(f"() => seen.connected && ({str(empty).lower()} || seen.drawn)")
    page.wait_for_load_state("networkidle")
    answered = page.evaluate("() => performance.getEntriesByType('navigation')[0].responseStart")
    seen = page.evaluate("() => seen")
    return {
        "requests": traffic.requests,
        "bytes": traffic.received,
        "connected": seen["connected"] - answered,
        "drawn": seen.get("drawn", float("nan")) - answered,
    }


def row(size: int, found: list[dict[str, float]]) -> str:
    """A line of the table: medians, and the worst time."""

    def of(name: str) -> list[float]:
        return [load[name] for load in found]

    def times(name: str) -> str:
        return f"{statistics.median(of(name)):.0f} ms, worst {max(of(name)):.0f}"

    drawn = times("drawn") if size else ""
    requests, received = statistics.median(of("requests")), statistics.median(of("bytes"))
    return f"| {size:,} | {requests:.0f} | {received:,.0f} | {times('connected')} | {drawn} |"


if __name__ == "__main__":
    main()
