"""Rooms, members and messages in Django's admin. It writes through the services only."""

from typing import Any

from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from chatcore import services
from chatcore.exceptions import ChatError
from chatcore.models import Membership, Message, Room
from chatcore.page_texts import sentence
from chatcore.services.rooms import FOREVER


class ReadOnly:
    """What staff may look at and nobody may change here."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class MembershipInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]  # not subscriptable at run time
    model = Membership
    fields = readonly_fields = ("user_name", "role", "joined_at")
    ordering = ("user_name",)
    extra = 0


@admin.register(Room)
class RoomAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rooms: what they are can be changed, the numbers of their logs cannot."""

    list_display = ("name", "title", "private", "announce_only", "archived_at", "last_seq", "head", "floor")
    list_filter = ("private", "announce_only", ("archived_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "name_key", "title", "topic")
    ordering = ("name_key",)
    inlines = (MembershipInline,)
    editable = ("name", "title", "topic", "private", "announce_only", "max_length", "retention")
    fields = (*editable, "last_seq", "head", "floor", "epoch", "created_at", "archived_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Room | None = None) -> tuple[str, ...]:
        numbers = ("last_seq", "head", "floor", "epoch", "created_at", "archived_at")
        return numbers if obj is None else ("name", "max_length", *numbers)

    def get_form(
        self, request: HttpRequest, obj: Room | None = None, change: bool = False, **kwargs: Any
    ) -> "type[ModelForm[Room]]":
        # a bare number would be seconds
        hints = {"retention": _("Days and hours, such as 30 00:00:00 for 30 days. Empty: for ever.")}
        return super().get_form(request, obj, change, help_texts=hints, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Room | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Room, form: "ModelForm[Room]", change: bool) -> None:
        """Never `obj.save()`: it would write back counters that have moved since the form was opened."""
        made = services.create_room(
            obj.name,
            title=obj.title,
            topic=obj.topic,
            private=obj.private,
            announce_only=obj.announce_only,
            max_length=None if change else obj.max_length,
            retention=obj.retention or FOREVER,
            existing="update" if change else "refuse",
        )
        obj.pk = made.room.id

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """What the domain refuses is said on the form's page; nothing of it is stored."""
        try:
            answer: HttpResponse = super().changeform_view(request, *args, **kwargs)
        except ChatError as error:
            self.message_user(request, sentence(error), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return answer


@admin.register(Message)
class MessageAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """The log, to look at: what was said is changed in the chat, as an event that everybody sees."""

    list_display = ("__str__", "created_at", "kind", "username", "beginning", "deleted_at")
    list_filter = ("kind", "source", "room")
    list_select_related = ("room",)
    search_fields = ("text", "username", "author_name")
    show_full_result_count = False
    ordering = ("-id",)  # ids sort by time, and have an index

    @admin.display(description=Message._meta.get_field("text").verbose_name)
    def beginning(self, message: Message) -> str:
        return message.text if len(message.text) <= 80 else f"{message.text[:80]}…"
