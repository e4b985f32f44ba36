"""The log in the admin: to look at, and to delete from as it is done in the chat, so that everybody sees it."""

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from chatcore import services
from chatcore.actors import actor_for
from chatcore.admin.common import ReadOnly, each
from chatcore.models import Message

#: Each is an event of its own, to everybody who is in the room.
_MOST_AT_ONCE = 500


@admin.register(Message)
class MessageAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """What was said. Who may look at it here may delete what the chat's own rules let him."""

    list_display = ("__str__", "created_at", "kind", "username", "beginning", "deleted_at")
    list_filter = ("kind", "source", "room")
    list_select_related = ("room",)
    search_fields = ("text", "username", "author_name")
    show_full_result_count = False
    ordering = ("-id",)  # ids sort by time, and have an index
    actions = ("delete_for_everybody",)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Message]":
        """Not what was pruned, whose rows go little by little."""
        return super().get_queryset(request).filter(seq__gt=F("room__seq_floor"))

    @admin.display(description=Message._meta.get_field("text").verbose_name)
    def beginning(self, message: Message) -> str:
        return message.text if len(message.text) <= 80 else f"{message.text[:80]}…"

    @admin.action(description=gettext_lazy("Delete for everybody"), permissions=["view"])
    def delete_for_everybody(self, request: HttpRequest, queryset: "QuerySet[Message]") -> HttpResponse | None:
        """Asks once, then does it."""
        found = list(queryset.filter(deleted_at__isnull=True).order_by("id")[: _MOST_AT_ONCE + 1])
        if len(found) > _MOST_AT_ONCE:
            text = _("These are too many: delete at most %(count)d at once.")
            self.message_user(request, text % {"count": _MOST_AT_ONCE}, messages.ERROR)
        elif not found:
            self.message_user(request, _("They are deleted already."), messages.WARNING)
        elif "sure" not in request.POST:
            return self._question(request, found)
        else:
            self._delete(request, found)
        return None

    def _question(self, request: HttpRequest, found: list[Message]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Delete for everybody"),
            "opts": self.opts,
            "found": found,
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/chatcore/message/delete_for_everybody.html", context)

    def _delete(self, request: HttpRequest, found: list[Message]) -> None:
        actor = actor_for(request.user)
        done = each(request, found, lambda message: services.delete_message(message.room.name, message.seq, actor))
        if done:
            text = ngettext("%(count)d message is deleted.", "%(count)d messages are deleted.", done)
            self.message_user(request, text % {"count": done}, messages.SUCCESS)
