"""Rooms in the admin: made, changed, archived and opened again."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from chatcore import services
from chatcore.actors import SYSTEM, actor_for
from chatcore.admin.common import ReadOnly, Refusals, each
from chatcore.models import Membership, Room
from chatcore.services.renaming import rename_room


class MembershipInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]  # not subscriptable at run time
    model = Membership
    fields = readonly_fields = ("user_name", "role", "joined_at")
    ordering = ("user_name",)
    show_change_link = True
    extra = 0


@admin.register(Room)
class RoomAdmin(Refusals, admin.ModelAdmin):  # type: ignore[type-arg]
    """Rooms: what they are can be changed, the numbers of their logs cannot."""

    list_display = ("name", "title", "private", "announce_only", "archived_at", "last_seq", "head", "floor")
    list_filter = ("private", "announce_only", ("archived_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "name_key", "title", "topic")
    ordering = ("name_key",)
    inlines = (MembershipInline,)
    actions = ("archive", "restore")
    editable = ("name", "title", "topic", "private", "announce_only", "max_length", "retention")
    readonly_fields = ("last_seq", "head", "floor", "epoch", "created_at", "archived_at")
    fields = (*editable, *readonly_fields)

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
        if not change:
            obj.pk = services.create_room(obj.name).room.id
        elif "name" in form.changed_data:
            rename_room(form.initial["name"], obj.name, SYSTEM)
        services.set_room(
            obj.name,
            SYSTEM,  # whoever may change rooms here may change them all
            title=obj.title,
            topic=obj.topic,
            private=obj.private,
            announce_only=obj.announce_only,
            max_length=obj.max_length,
            retention=obj.retention or None,
        )

    @admin.action(description=gettext_lazy("Archive: to be read only, and in no list"), permissions=["change"])
    def archive(self, request: HttpRequest, queryset: "QuerySet[Room]") -> None:
        actor = actor_for(request.user)
        done = each(request, queryset, lambda room: services.archive_room(room.name, actor))
        text = ngettext("%(count)d room is archived now.", "%(count)d rooms are archived now.", done)
        self._say(request, text, done)

    @admin.action(description=gettext_lazy("Open again"), permissions=["change"])
    def restore(self, request: HttpRequest, queryset: "QuerySet[Room]") -> None:
        actor = actor_for(request.user)
        done = each(request, queryset, lambda room: services.restore_room(room.name, actor))
        text = ngettext("%(count)d room is open now.", "%(count)d rooms are open now.", done)
        self._say(request, text, done)

    def _say(self, request: HttpRequest, text: str, count: int) -> None:
        if count:
            self.message_user(request, text % {"count": count}, messages.SUCCESS)
