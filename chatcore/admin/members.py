"""Members of rooms in the admin: added, given another role, removed."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy, ngettext

from chatcore import history, services
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
        account = _account(obj) if change else obj.user_name
        changed = services.add_member(obj.room.name, account, obj.role, actor_for(request.user))
        obj.pk = obj.pk or Membership.objects.filter(room=obj.room, user_name=changed.account).latest("joined_at").pk

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        services.remove_member(obj.room.name, _account(obj), actor_for(request.user))

    @admin.action(description=gettext_lazy("Remove from the room"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: "QuerySet[Membership]") -> None:
        """In place of Django's own, which knows no refusals."""
        done = each(request, queryset, lambda membership: self.delete_model(request, membership))
        if done:
            text = ngettext("%(count)d member is removed.", "%(count)d members are removed.", done)
            self.message_user(request, text % {"count": done}, messages.SUCCESS)


def _account(membership: Membership) -> str:
    """What the member's account is called now; the name under which he came, if it is gone."""
    return history.account_names([membership.user_id]).get(membership.user_id, membership.user_name)
