"""What pages say beside their templates, in the request's language: also what the scripts say."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def role_name(role: str) -> str:
    """What a member of a room is, in the request's language."""
    return {"owner": _("owner"), "moderator": _("moderator"), "member": _("member")}[role]


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
        "too_many_sockets": _("This chat is open too often: close other windows of it. Trying again…"),
        "stopped": _("Not connected"),
        "signed_out": _("You are signed out."),
        "sign_in_again": _("Sign in again"),
        "all_rooms": _("All rooms"),
        "forbidden": _("You may not be in this room any more."),
        "not_found": _("This room is not there any more, or not open to you."),
        "sending": _("Sending…"),
        "waits": _("Will be sent when the connection is back"),
        "held": _("That was fast: this is sent in a moment"),
        "deleted": _("This message was deleted"),
        "announcement": _("Announcement"),
        "notice": _("Notice"),
        "banner": _("Announcement"),
        "banners": {
            1: _("For your information"),
            2: _("For your information"),
            3: _("Announcement"),
            4: _("Important"),
            5: _("Urgent"),
        },
        "priorities": {
            1: _("lowest priority"),
            2: _("low priority"),
            4: _("high priority"),
            5: _("urgent"),
        },
        "people": _("People"),
        "here_unknown": _("Not known without a connection."),
        "here": counted("{count} person here now", "{count} people here now"),
        "quoted": _("message #{number}"),
        "bot": _("bot"),
        "system": _("system"),
        "guest": _("guest"),
        "token": _("program"),
        "beginning": _("This is where the room begins"),
        "pruned": _("Older messages are not kept"),
        "loading": _("Loading messages…"),
        "newest": _("Newest messages"),
        "new_messages": counted("{count} new message", "{count} new messages"),
        "new_messages_begin": _("New messages"),
        "no_such_message": _("There is no message #{number} here, or it is not kept any more."),
        "message_deleted": _("Message #{number} was deleted."),
        "characters_left": _("Characters left: {count}"),
        "characters_over": counted("{count} character too many", "{count} characters too many"),
        "empty": _("Write something first."),
        "too_long": _(
            "This is too long: {count} characters, and {limit} is the limit. Shorten it, or send it in parts."
        ),
        "replying": _("Answer to {name}:"),
        "editing": _("Change your message:"),
        "not_changed": _("There was no connection: nothing was changed. Try again when it is back."),
        "unsure_changed": _("The connection went away before the answer came. Try again when it is back."),
        "not_yours": _("You may not do this with this message."),
        "edited_gone": _("The message was deleted meanwhile. What you wrote is still here: send it as a new one."),
        "link_copied": _("Link copied"),
        "typing": {
            "one": _("{name} is typing…"),
            "two": _("{first} and {second} are typing…"),
            "many": _("Several people are typing…"),
        },
        "notified": _("{name} in {room}"),
        "notify_blocked": _("This browser does not let this site notify you. Allow it in the browser's settings."),
        "notify_not_here": _("This browser cannot show notifications of web pages."),
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
