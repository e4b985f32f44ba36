"""The chat's pages: the rooms, a room, making one. What is said in a room goes over its socket."""

import functools
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from chatcore import conf, history, services
from chatcore.csp import content_security_policy
from chatcore.events import to_dict
from chatcore.exceptions import (
    BadRequest,
    BadRoomName,
    ChatError,
    Forbidden,
    NotSignedIn,
    RoomExists,
    RoomNotFound,
    Unavailable,
)
from chatcore.forms import RoomForm
from chatcore.names import check_room_name
from chatcore.page_texts import room_texts, sentence
from chatcore.permissions import Actor, actor_for, check_create_room, check_post

View = Callable[..., HttpResponse]


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


@page
@require_safe
def rooms(request: HttpRequest) -> HttpResponse:
    """All rooms that the visitor may read."""
    actor = actor_for(request.user)
    if actor.type == "guest" and conf.settings.GUESTS != "read":
        raise NotSignedIn
    return render(
        request,
        "chatcore/rooms.html",
        {"rooms": history.rooms_for(actor), "may_create": _allowed(check_create_room, actor)},
    )


@page
@require_safe
def room(request: HttpRequest, name: str) -> HttpResponse:
    """The room of this name, at the address that has the name as it was created."""
    actor = actor_for(request.user)
    try:
        check_room_name(name)
        found, standing = history.access(name, actor)
    except (BadRoomName, RoomNotFound) as error:
        return _unknown_room(request, actor, name, error)
    if found.name != name:
        return redirect("chatcore:room", found.name)
    return render(
        request,
        "chatcore/room.html",
        {
            "room": found,
            "may_post": _allowed(check_post, actor, found, standing),
            "page": _page_data(request, found),
        },
    )


@page
@require_http_methods(["GET", "HEAD", "POST"])
def create_room(request: HttpRequest) -> HttpResponse:
    """The form that makes a room, and its answer: the room, or what is wrong with the name."""
    actor = actor_for(request.user)
    check_create_room(actor)
    form = RoomForm(request.POST or None, label_suffix="")
    if form.is_valid():
        try:
            made = services.create_room(**form.cleaned_data, owner=actor.name, actor=actor)
            return redirect("chatcore:room", made.name)
        except RoomExists as error:
            form.add_error("name", sentence(error))
        except BadRequest as error:
            form.add_error(None, sentence(error))
    return render(request, "chatcore/create_room.html", {"form": form}, status=400 if form.errors else 200)


def _unknown_room(request: HttpRequest, actor: Actor, name: str, error: BadRoomName | RoomNotFound) -> HttpResponse:
    """What is missing, and what can be done about it. To others a private room is as missing as any."""
    context: dict[str, object] = {"name": name, "may_create": _allowed(check_create_room, actor)}
    if isinstance(error, BadRoomName):
        context["reason"] = sentence(error)
    else:
        context["near"] = error.near
    return render(request, "chatcore/unknown_room.html", context, status=404)


def _page_data(request: HttpRequest, found: history.RoomView) -> dict[str, object]:
    """What the page's scripts need to know before the socket is open."""
    banner = history.standing_banner(found.id)
    return {
        "room": found.name,
        "banner": None if banner is None else to_dict(banner),
        "longest": found.max_length or conf.settings.MAX_LENGTH,
        "sign_in": f"{resolve_url(settings.LOGIN_URL)}?{urlencode({REDIRECT_FIELD_NAME: request.path})}",
        "texts": room_texts(),
    }


def _allowed(check: Callable[..., None], *facts: object) -> bool:
    try:
        check(*facts)
    except ChatError:
        return False
    return True
