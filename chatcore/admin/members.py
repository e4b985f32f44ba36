"""Members of rooms in the admin: added, given another role, removed."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy, ngettext

from chatcore import history, services
from chatcore.actors import actor_for
from chatcore.admin.common import Refusals, each
from chatcore.models import Membership, Sanction
from chatcore.services.sanctions import impose_sanction


@admin.register(Membership)
class MembershipAdmin(Refusals, admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Who belongs to which room, and as what. The chat's own rules hold: a room that has an owner keeps one."""

    list_display = ("user_name", "room", "role", "joined_at")
    list_filter = ("role", "room")
    list_select_related = ("room",)
    search_fields = ("user_name", "room__name")
    ordering = ("room__name_key", "user_name")
    actions = ("mute", "ban", "delete_selected")
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
        self._say(request, ngettext("%(count)d member is removed.", "%(count)d members are removed.", done), done)

    @admin.action(description=gettext_lazy("Mute: they read and do not write, in all rooms"), permissions=["sanction"])
    def mute(self, request: HttpRequest, queryset: "QuerySet[Membership]") -> None:
        done = self._sanction(request, queryset, Sanction.Kind.MUTE)
        text = ngettext("%(count)d person is muted now.", "%(count)d people are muted now.", done)
        self._say(request, text, done)

    @admin.action(description=gettext_lazy("Ban: out of all rooms"), permissions=["sanction"])
    def ban(self, request: HttpRequest, queryset: "QuerySet[Membership]") -> None:
        done = self._sanction(request, queryset, Sanction.Kind.BAN)
        text = ngettext("%(count)d person is banned now.", "%(count)d people are banned now.", done)
        self._say(request, text, done)

    def has_sanction_permission(self, request: HttpRequest) -> bool:
        """Whether the action is offered: to whom the form for mutes and bans is open."""
        return request.user.has_perm("chatcore.add_sanction")

    def _sanction(self, request: HttpRequest, queryset: "QuerySet[Membership]", kind: str) -> int:
        """Mute or ban each of them, once however many rooms they are in; how many."""
        actor, accounts = actor_for(request.user), dict.fromkeys(map(_account, queryset))
        return each(request, accounts, lambda account: impose_sanction(account, kind, actor))

    def _say(self, request: HttpRequest, text: str, count: int) -> None:
        if count:
            self.message_user(request, text % {"count": count}, messages.SUCCESS)


def _account(membership: Membership) -> str:
    """What the member's account is called now; the name under which he came, if it is gone."""
    return history.account_names([membership.user_id]).get(membership.user_id, membership.user_name)
