"""What pages say when the domain refuses something, in the request's language."""

import math

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from chatcore import exceptions
from chatcore.exceptions import ChatError
from chatcore.names import LONGEST


def sentence(error: ChatError) -> str:
    """What is wrong, as a sentence on a page. The error's own line is English, and for commands and programs.

    Near matches of accounts are for those who run the site: here anybody could ask for them.
    """
    if isinstance(error, exceptions.RateLimited):
        return _too_fast(math.ceil(error.wait))
    if error.detail in (reasons := _reasons()):
        return reasons[error.detail]
    texts = _texts()
    text = next(texts[kind] for kind in type(error).__mro__ if kind in texts)
    return text % {**vars(error), "longest": LONGEST}


def _texts() -> dict[type[ChatError], str]:
    """By the error's class, or by the nearest one above it; with the error's attributes."""
    too_long = _("Something here is too long, or it holds control characters or a line break.")
    return {
        exceptions.BadRequest: too_long,
        exceptions.BadRoomName: _("A room name has 1 to %(longest)d letters, digits, and - _ . between them."),
        ChatError: _("This did not work."),
        exceptions.Forbidden: _("You may not do this."),
        exceptions.IsSuperuser: _("%(account)s is a superuser: take that right away first."),
        exceptions.LastOwner: _("%(account)s is the room's only owner: make somebody else an owner first."),
        exceptions.MemberNotFound: _("This account is no member of the room."),
        exceptions.MessageNotFound: _("There is no such message."),
        exceptions.NotSignedIn: _("Sign in first."),
        exceptions.RoomArchived: _("This room is archived: it can be read, but nobody writes here any more."),
        exceptions.RoomExists: _("There is a room %(name)s already."),
        exceptions.RoomNotFound: _("There is no room %(name)s."),
        exceptions.TokenExists: _("There is a token %(name)s already: choose another name, or revoke that one."),
        exceptions.TooLong: too_long,
        exceptions.TooManyMembers: _("This room has %(limit)d members, and cannot have more."),
        exceptions.TooManyRooms: _("Nobody may own more than %(limit)d rooms here. Ask the people who run this site."),
        exceptions.Unavailable: _("The server cannot do this right now. Try again in a moment."),
        exceptions.UserExists: _("There is an account %(name)s already."),
        exceptions.UserNotFound: _("There is no account %(name)s."),
    }


def _reasons() -> dict[str, str]:
    """The refusals whose class does not tell enough, by their lines."""
    return {
        "you are banned here; ask the people who run this site": _(
            "You are banned here. Ask the people who run this site."
        ),
        "you are muted: you can read, but not write": _("You are muted: you can read, but not write."),
        "only staff may create rooms here": _("Only staff may create rooms here."),
        "only owners, moderators and staff may add and remove members": _(
            "Only owners, moderators and staff may add and remove members."
        ),
        "nobody mutes, bans or frees himself: ask somebody else": _(
            "You cannot mute, ban or free yourself: ask somebody else."
        ),
        "only staff may mute and ban people": _("Only staff may mute and ban people."),
        "only superusers may mute and ban staff": _("Only superusers may mute and ban staff."),
        "only owners and staff may archive or restore a room": _(
            "Only owners and staff may archive or restore a room."
        ),
        "this form asks for something that this page does not know: load it again": _(
            "This form is an old one. Load the page again, then try once more."
        ),
        "a hook is for one room: name it whole": _("A hook is for one room: choose one."),
        "a token is for 1 to 100 rooms or globs: name them": _("Choose rooms for the token, at most 100."),
        "a token may read or send or both: say which": _("Say whether the token may read, or send, or both."),
        "the token would have expired before it is made: give it a later time": _(
            "This time is over. Name one to come, or none."
        ),
        "this time is over: name one to come, or none": _("This time is over. Name one to come, or none."),
        "before is the number of a message": _("This address is not complete. Search again."),
    }


def _too_fast(seconds: int) -> str:
    text = ngettext(
        "That was too fast. Wait a second, then try again.",
        "That was too fast. Wait %(count)d seconds, then try again.",
        seconds,
    )
    return text % {"count": seconds}
