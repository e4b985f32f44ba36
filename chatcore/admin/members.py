"""Members of rooms in the admin: added, given another role, removed."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy, ngettext

from chatcore import services
from chatcore.admin.common import Refusals, each
from chatcore.models import Membership
from chatcore.permissions import actor_for


@admin.register(Membership)
class MembershipAdmin(Refusals, admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Who belongs to which room, and as what. The chat's own rules hold: a room that has an owner keeps one."""

    list_display = ("user_name", "room", "role", "joined_at")
    list_filter = ("role", "room")
    list_select_related = ("room",)
    search_fields = ("user_name", "room__name")
    ordering = ("room__name_key", "user_name")
    actions = ("delete_selected",)
    autocomplete_fields = ("room",)
    fields = ("room", "user_name", "role", "joined_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        return ("joined_at",) if obj is None else ("room", "user_name", "joined_at")

    def save_model(self, request: HttpRequest, obj: Membership, form: "ModelForm[Membership]", change: bool) -> None:
        changed = services.add_member(obj.room.name, obj.user_name, obj.role, actor_for(request.user))
        obj.pk = Membership.objects.get(room=obj.room, user_name=changed.account).pk

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        services.remove_member(obj.room.name, obj.user_name, actor_for(request.user))

    @admin.action(description=gettext_lazy("Remove from the room"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: "QuerySet[Membership]") -> None:
        """In place of Django's own, which knows no refusals."""
        done = each(request, queryset, lambda membership: self.delete_model(request, membership))
        if done:
            text = ngettext("%(count)d member is removed.", "%(count)d members are removed.", done)
            self.message_user(request, text % {"count": done}, messages.SUCCESS)
