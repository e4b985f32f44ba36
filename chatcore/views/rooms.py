"""The list of the rooms, a room, making one. What is said in a room goes over its socket."""

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from chatcore import conf, history, services
from chatcore.actors import Actor, actor_for
from chatcore.events import You, to_dict
from chatcore.exceptions import BadRequest, NotSignedIn, RoomExists
from chatcore.forms import RoomForm
from chatcore.history import RoomView
from chatcore.history.room_list import common_banner, room_list
from chatcore.mount import sign_in_address, sockets_address
from chatcore.page_texts import room_texts
from chatcore.permissions import Standing, check_create_room, check_post, check_visit
from chatcore.sentences import sentence
from chatcore.views.page import allowed, page, room_page


@page
@require_safe
def rooms(request: HttpRequest) -> HttpResponse:
    """The rooms that the visitor may read: those that he has joined, then the others."""
    actor = actor_for(request.user)
    if actor.type == "guest" and conf.settings.GUESTS != "read":
        raise NotSignedIn
    standing = history.site_standing(actor)
    check_visit(actor, standing)
    listed = room_list(actor)
    banner = common_banner([found.room.id for found in listed])
    return render(
        request,
        "chatcore/rooms.html",
        {
            "own": [found for found in listed if found.role is not None],
            "others": [found for found in listed if found.role is None],
            "may_create": allowed(check_create_room, actor, standing),
            "page": {
                "banner": None if banner is None else to_dict(banner),
                "now": timezone.now().isoformat(),
                "texts": room_texts(),
            },
        },
    )


@room_page("chatcore:room")
@require_safe
def room(request: HttpRequest, actor: Actor, found: RoomView, standing: Standing) -> HttpResponse:
    """A room."""
    return render(
        request,
        "chatcore/room.html",
        {
            "room": found,
            "may_post": allowed(check_post, actor, found, standing),
            "page": _page_data(request, found, actor),
        },
    )


@page
@require_http_methods(["GET", "HEAD", "POST"])
def create_room(request: HttpRequest) -> HttpResponse:
    """The form that makes a room, and its answer: the room, or what is wrong with the name."""
    actor = actor_for(request.user)
    check_create_room(actor, history.site_standing(actor))
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


def _page_data(request: HttpRequest, found: history.RoomView, actor: Actor) -> dict[str, object]:
    """What the page's scripts need to know before the socket is open."""
    banner = history.standing_banner(found.id)
    return {
        "room": found.name,
        "number": found.id,
        "sockets": sockets_address(),
        "banner": None if banner is None else to_dict(banner),
        "now": timezone.now().isoformat(),
        "longest": found.max_length or conf.settings.MAX_LENGTH,
        "sign_in": f"{sign_in_address()}?{urlencode({REDIRECT_FIELD_NAME: request.path})}",
        "you": to_dict(You(actor.type, actor.id, actor.name, actor.username)),
        "members": [] if actor.type == "guest" else history.member_names(found.id),
        "texts": room_texts(),
    }
