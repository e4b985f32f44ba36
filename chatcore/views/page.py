"""What the chat's pages share: the policy, answers to what the domain refuses, and the way to a room."""

import functools
import math
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse

from chatcore import history, metrics
from chatcore.actors import Actor, actor_for
from chatcore.csp import content_security_policy
from chatcore.database import explaining
from chatcore.exceptions import BadRoomName, ChatError, NotSignedIn, RateLimited, RoomNotFound, Unavailable
from chatcore.history import RoomView
from chatcore.names import check_room_name
from chatcore.permissions import Standing, check_create_room
from chatcore.sentences import sentence

View = Callable[..., HttpResponse]
#: A page of a room: the request, who asks, the room, and what he is in it.
RoomPage = Callable[[HttpRequest, Actor, RoomView, Standing], HttpResponse]


def page(view: View) -> View:
    """A page of ours: in no transaction, under our policy, with an answer to what the domain refuses."""

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            with explaining():
                return view(request, *args, **kwargs)
        except NotSignedIn:
            return redirect_to_login(request.get_full_path())
        except Unavailable as error:
            metrics.refused(error.code)
            return unavailable()
        except ChatError as error:
            if error.status == 500:
                raise  # the site's own trouble, and not the visitor's
            metrics.refused(error.code)
            response = render(request, "chatcore/refused.html", {"reason": sentence(error)}, status=error.status)
            return with_wait(response, error)

    guarded: View = content_security_policy(answer)
    for alias in settings.DATABASES:
        guarded = transaction.non_atomic_requests(using=alias)(guarded)
    return guarded


def unavailable() -> HttpResponse:
    """The answer while the database cannot be asked or written: a page that needs nothing of it."""
    return HttpResponse(render_to_string("chatcore/unavailable.html"), status=503, headers={"Retry-After": "5"})


def with_wait(response: HttpResponse, error: ChatError) -> HttpResponse:
    """The answer to a refusal, with when to try again if it was too much for now (RFC 9110, section 10.2.3)."""
    if isinstance(error, RateLimited):
        response.headers["Retry-After"] = str(math.ceil(error.wait))
    return response


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
