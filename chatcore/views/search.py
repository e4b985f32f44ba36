"""Search in a room, from its newest message down."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chatcore.actors import Actor
from chatcore.exceptions import BadRequest, RateLimited
from chatcore.history import RoomView
from chatcore.history.search import LONGEST_QUERY
from chatcore.history.search import search as found_in
from chatcore.permissions import Standing
from chatcore.rates import Buckets, Rate
from chatcore.sentences import sentence
from chatcore.views.page import room_page, with_wait

#: Searches of one person in this process, or of one address where nobody is signed in.
_RATE = Rate(steady=0.5, burst=10.0)
_searches = Buckets()


@room_page("chatcore:search")
@require_safe
def search(request: HttpRequest, actor: Actor, room: RoomView, standing: Standing) -> HttpResponse:
    """What is found for `q`, in messages below number `before` if there is one."""
    query = request.GET.get("q", "").strip()
    context: dict[str, object] = {"room": room, "query": query, "longest": LONGEST_QUERY}
    trouble: BadRequest | RateLimited | None = None
    try:
        before = _number(request.GET.get("before"))
        if query:
            _spend(request, actor)
            context |= {"found": found_in(room.id, query, before), "further": before is not None}
    except (BadRequest, RateLimited) as error:
        trouble, context["trouble"] = error, sentence(error)
    response = render(request, "chatcore/search.html", context, status=trouble.status if trouble else 200)
    return with_wait(response, trouble) if trouble else response


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadRequest("before is the number of a message")
    return int(text)


def _spend(request: HttpRequest, actor: Actor) -> None:
    key = actor.id if actor.type == "user" else f"@{request.META.get('REMOTE_ADDR', '')}"
    if wait := _searches.wait(key, _RATE):
        raise RateLimited(wait, "searches")
