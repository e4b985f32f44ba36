"""What the chat's pages share: the policy, answers to what the domain refuses, and the way to a room."""

import functools
from collections.abc import Callable
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from chatcore import history
from chatcore.csp import content_security_policy
from chatcore.exceptions import BadRoomName, ChatError, Forbidden, NotSignedIn, RoomNotFound, Unavailable
from chatcore.history import RoomView
from chatcore.names import check_room_name
from chatcore.permissions import Actor, Standing, actor_for, check_create_room
from chatcore.sentences import sentence

View = Callable[..., HttpResponse]
#: A page of a room: the request, who asks, the room, and what he is in it.
RoomPage = Callable[[HttpRequest, Actor, RoomView, Standing], HttpResponse]


def page(view: View) -> View:
    """A page of ours: in no transaction, under our policy, with an answer to what the domain refuses."""

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NotSignedIn:
            return redirect_to_login(request.get_full_path())
        except (Forbidden, Unavailable) as error:
            return render(request, "chatcore/refused.html", {"reason": sentence(error)}, status=error.status)

    guarded: View = transaction.non_atomic_requests(content_security_policy(answer))
    return guarded


def room_page(address: str) -> Callable[[RoomPage], View]:
    """A page of a room, under `address` (the name of its route) with the room's name as it was created."""

    def of_room(view: RoomPage) -> View:
        @page
        @functools.wraps(view)
        def answer(request: HttpRequest, name: str) -> HttpResponse:
            actor = actor_for(request.user)
            try:
                check_room_name(name)
                room, standing = history.access(name, actor)
            except (BadRoomName, RoomNotFound) as error:
                return _unknown_room(request, actor, name, error)
            if room.name != name:
                query = request.META.get("QUERY_STRING", "")
                return redirect(reverse(address, args=[room.name]) + (f"?{query}" if query else ""))
            return view(request, actor, room, standing)

        return answer

    return of_room


def _unknown_room(request: HttpRequest, actor: Actor, name: str, error: BadRoomName | RoomNotFound) -> HttpResponse:
    """What is missing, and what can be done about it. To others a private room is as missing as any."""
    may_create = allowed(check_create_room, actor, history.site_standing(actor))
    context: dict[str, object] = {"name": name, "may_create": may_create}
    if isinstance(error, BadRoomName):
        context["reason"] = sentence(error)
    else:
        context["near"] = error.near
    return render(request, "chatcore/unknown_room.html", context, status=404)


def allowed(check: Callable[..., None], *facts: object) -> bool:
    """Whether the rule lets it pass."""
    try:
        check(*facts)
    except ChatError:
        return False
    return True
