"""Who belongs to a room and who is there now: joining and leaving, adding and removing."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from chatcore import services
from chatcore.actors import Actor
from chatcore.exceptions import BadRequest, ChatError, NotSignedIn, Unavailable
from chatcore.forms import MemberForm
from chatcore.history import RoomView
from chatcore.history.members import members
from chatcore.history.presence import present_people
from chatcore.page_texts import role_name
from chatcore.permissions import Standing, check_archive, check_join, grantable_roles
from chatcore.sentences import sentence
from chatcore.views.page import allowed, room_page


@room_page("chatcore:people")
@require_http_methods(["GET", "HEAD", "POST"])
def people(request: HttpRequest, actor: Actor, room: RoomView, standing: Standing) -> HttpResponse:
    """The room's members, and the forms that change who they are; a change leads back here."""
    trouble, status = "", 200
    if request.method == "POST":
        try:
            said = _carry_out(request.POST, room, actor)
        except (NotSignedIn, Unavailable):
            raise
        except ChatError as error:
            trouble, status = sentence(error), error.status
        else:
            if request.POST.get("to") == "room":
                return redirect("chatcore:room", room.name)
            messages.success(request, said, fail_silently=True)
            gone = room.private and request.POST.get("do") == "leave" and not actor.is_superuser
            return redirect("chatcore:rooms") if gone else redirect("chatcore:people", room.name)
    refused = request.POST.dict() if request.POST.get("do") == "add" else {}
    facts = _facts(actor, room, standing, refused)
    return render(request, "chatcore/people.html", {**facts, "trouble": trouble}, status=status)


def _facts(actor: Actor, room: RoomView, standing: Standing, refused: dict[str, str]) -> dict[str, object]:
    found = members(room.id)
    here = present_people([room.id])[room.id]
    present = {person.id for person in here.people or ()}
    roles = grantable_roles(actor, room, standing)
    known = {member.user_id for member in found}
    return {
        "room": room,
        "members": [
            {
                "name": member.name,
                "role": role_name(member.role),
                "joined_at": member.joined_at,
                "here": member.user_id in present,
                "is_you": member.user_id == actor.id,
                "may_change": member.role in roles and member.user_id != actor.id,
            }
            for member in found
        ],
        "more": room.member_count - len(found),
        "visitors": [person for person in here.people or () if person.id not in known],
        "count": here.count,
        "own_role": standing.role and role_name(standing.role),
        "may_join": standing.role is None and not room.private and allowed(check_join, actor, room, standing),
        "may_archive": allowed(check_archive, actor, room, standing),
        "form": MemberForm(roles, refused) if roles else None,
    }


def _carry_out(posted: QueryDict, room: RoomView, actor: Actor) -> str:
    """Do what the form asks for; what to say about it."""
    account = posted.get("account", "").strip()
    match posted.get("do"):
        case "join":
            services.join_room(room.name, actor)
            return _("You have joined this room.")
        case "leave":
            services.leave_room(room.name, actor)
            return _("You have left the room %(room)s.") % {"room": room.name}
        case "add":
            made = services.add_member(room.name, account, posted.get("role", ""), actor)
            said = _("%(name)s is now here as: %(role)s")
            return said % {"name": made.account, "role": role_name(made.after or "")}
        case "remove":
            removed = services.remove_member(room.name, account, actor)
            return _("%(name)s is not a member any more.") % {"name": removed.account}
        case "archive":
            services.archive_room(room.name, actor)
            return _("The room is archived: it can be read, but nobody writes here any more.")
        case "restore":
            services.restore_room(room.name, actor)
            return _("The room is open again.")
    raise BadRequest("this form asks for something that this page does not know: load it again")
