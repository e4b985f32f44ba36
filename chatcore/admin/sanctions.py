"""Mutes and bans in the admin: imposed, changed and lifted as everywhere else."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy, ngettext

from chatcore import history
from chatcore.actors import actor_for
from chatcore.admin.common import Refusals, each
from chatcore.models import Sanction
from chatcore.services.sanctions import impose_sanction, lift_sanction


@admin.register(Sanction)
class SanctionAdmin(Refusals, admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Who may not write, or not even read. The chat's own rules hold: staff cannot do that to staff."""

    list_display = ("user_name", "kind", "until", "reason", "created_at")
    list_filter = ("kind",)
    search_fields = ("user_name", "reason")
    ordering = ("user_name", "kind")
    actions = ("delete_selected",)
    fields = ("user_name", "kind", "until", "reason", "created_at", "by")

    def get_readonly_fields(self, request: HttpRequest, obj: Sanction | None = None) -> tuple[str, ...]:
        return ("created_at", "by") if obj is None else ("user_name", "kind", "created_at", "by")

    def save_model(self, request: HttpRequest, obj: Sanction, form: "ModelForm[Sanction]", change: bool) -> None:
        account = _account(obj) if change else obj.user_name
        now = impose_sanction(account, obj.kind, actor_for(request.user), until=obj.until, reason=obj.reason)
        obj.pk = obj.pk or Sanction.objects.filter(user_name=now.account, kind=obj.kind).latest("created_at").pk

    def delete_model(self, request: HttpRequest, obj: Sanction) -> None:
        lift_sanction(_account(obj), obj.kind, actor_for(request.user))

    @admin.action(description=gettext_lazy("Lift"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: "QuerySet[Sanction]") -> None:
        """In place of Django's own, which knows no refusals."""
        done = each(request, queryset, lambda sanction: self.delete_model(request, sanction))
        if done:
            text = ngettext("%(count)d mute or ban is lifted.", "%(count)d mutes and bans are lifted.", done)
            self.message_user(request, text % {"count": done}, messages.SUCCESS)


def _account(sanction: Sanction) -> str:
    """What the account is called now; the name that it had then, if it is gone."""
    return history.account_names([sanction.user_id]).get(sanction.user_id, sanction.user_name)
