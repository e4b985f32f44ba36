"""What pages say beside their templates, in the request's language: also what the scripts say."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from chatcore.exceptions import ChatError, RoomExists


def sentence(error: ChatError) -> str:
    """The error's line, written as a sentence on a page; what speaks of a command's flags, in other words."""
    if isinstance(error, RoomExists):
        return _("There is a room %(name)s already.") % {"name": error.name}
    return f"{error.detail[:1].upper()}{error.detail[1:]}."


#: Numbers of every plural category of every language (CLDR): the scripts take the form of the one in theirs.
_SAMPLES = (0, 1, 2, 5, 11, 100, 1_000_000)


def counted(one: str, many: str) -> dict[int, str]:
    """The forms of a text with `{count}` in it, by sample numbers."""
    return {number: ngettext(one, many, number) for number in _SAMPLES}


def room_texts() -> dict[str, object]:
    """The texts by the names under which the scripts know them. A number stands alone: it needs no plural."""
    return {
        "connecting": _("Connecting…"),
        "live": _("Connected"),
        "waiting": _("Reconnecting…"),
        "offline": _("You are offline"),
        "stopped": _("Not connected"),
        "signed_out": _("You are signed out."),
        "sign_in_again": _("Sign in again"),
        "forbidden": _("You may not be in this room any more."),
        "not_found": _("This room is not there any more, or not open to you."),
        "sending": _("Sending…"),
        "waits": _("Will be sent when the connection is back"),
        "deleted": _("This message was deleted"),
        "announcement": _("Announcement"),
        "notice": _("Notice"),
        "banner": _("Announcement"),
        "bot": _("bot"),
        "system": _("system"),
        "guest": _("guest"),
        "token": _("program"),
        "beginning": _("This is where the room begins"),
        "pruned": _("Older messages are not kept"),
        "loading": _("Loading older messages…"),
        "characters_left": _("Characters left: {count}"),
        "empty": _("Write something first."),
        "too_long": _("This is too long. Shorten it, or send it in parts."),
        "gaps": {
            "limit": _("Much was written while you were away. Scroll up to read it."),
            "pruned": _("Some of what was written while you were away is not kept any more."),
            "history_changed": _("This room was restored from a copy: what was shown before may be missing."),
        },
        "errors": {
            "too_long": _("Too long. Shorten it, or send it in parts."),
            "empty": _("Empty messages are not sent."),
            "bad_text": _("There is a character in it that cannot be stored."),
            "rate": _("That was too fast. Wait a moment, then try again."),
            "forbidden": _("You may not write here."),
            "not_signed_in": _("Sign in to write."),
            "archived": _("This room is archived: nobody writes here any more."),
            "not_found": _("There is no such message."),
            "unavailable": _("The server cannot store messages right now. Try again in a moment."),
            "unknown": _("The server did not say whether it was stored. Trying again is safe."),
            "other": _("The server did not take it."),
        },
    }
