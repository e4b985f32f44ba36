"""Tokens in the admin: made, shown once, revoked."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from chatcore.actors import ABILITIES
from chatcore.admin.common import ReadOnly, Refusals, each
from chatcore.exceptions import BadRequest
from chatcore.models import Token
from chatcore.mount import rooms_address
from chatcore.rates import parsed_rate
from chatcore.services.tokens import CreatedToken, create_hook, create_token, revoke_token


class TokenForm(ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """A token to be made."""

    globs = forms.CharField(
        label=gettext_lazy("Patterns"),
        required=False,
        help_text=gettext_lazy(
            "Such as ops-* for all public rooms that begin so, later ones too; several with blanks."
        ),
    )

    class Meta:
        model = Token
        fields = ("name", "kind", "rooms", "globs", "can_read", "can_send", "rate", "expires_at")

    def clean_globs(self) -> list[str]:
        """The patterns, one by one."""
        return str(self.cleaned_data["globs"]).split()

    def clean_rate(self) -> str:
        """The rate, if it is one."""
        rate = str(self.cleaned_data["rate"])
        try:
            if rate:
                parsed_rate(rate)
        except ValueError as error:
            raise forms.ValidationError(_("Write it as 10/s burst 50.")) from error
        return rate


@admin.register(Token)
class TokenAdmin(Refusals, ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """What programs sign in with. Who may make tokens here can make one for any room, private ones too."""

    list_display = ("name", "kind", "id", "can_read", "can_send", "expires_at", "last_used_at", "revoked_at")
    list_filter = ("kind", ("revoked_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "id")
    ordering = ("name", "-created_at")
    actions = ("revoke",)
    form = TokenForm
    filter_horizontal = ("rooms",)
    shown = ("created_at", "expires_at", "last_used_at", "revoked_at")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("chatcore.add_token")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whether the action is offered."""
        return request.user.has_perm("chatcore.delete_token")

    def get_fields(self, request: HttpRequest, obj: Token | None = None) -> tuple[str, ...]:
        if obj is None:
            return TokenForm.Meta.fields
        return ("name", "kind", "id", "rooms", "globs", "can_read", "can_send", "rate", *self.shown)

    def save_model(self, request: HttpRequest, obj: Token, form: "ModelForm[Token]", change: bool) -> None:
        created = _created(obj, [room.name for room in form.cleaned_data["rooms"]])
        obj.pk = created.token.id
        obj._state.adding = False
        request.created_token = created  # type: ignore[attr-defined]  # for the page that shows it

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The service has done it."""

    def response_add(self, request: HttpRequest, obj: Token, post_url_continue: str | None = None) -> HttpResponse:
        """The page that shows it: not a message after a redirect, which would be kept somewhere."""
        created: CreatedToken = request.created_token  # type: ignore[attr-defined]
        hooks = request.build_absolute_uri(f"{rooms_address()}api/hooks/")
        context = {
            **self.admin_site.each_context(request),
            "title": created.token.name,
            "opts": self.opts,
            "secret": created.text if created.token.room is None else f"{hooks}{created.text}",
        }
        return TemplateResponse(request, "admin/chatcore/token/created.html", context)

    @admin.action(description=gettext_lazy("Revoke: its program is shut out, for good"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: "QuerySet[Token]") -> None:
        done = each(request, queryset.filter(revoked_at__isnull=True), lambda token: revoke_token(token.name))
        if done:
            text = ngettext("%(count)d token is revoked.", "%(count)d tokens are revoked.", done)
            self.message_user(request, text % {"count": done}, messages.SUCCESS)


def _created(wanted: Token, names: list[str]) -> CreatedToken:
    rate, rooms = wanted.rate or None, [*names, *wanted.globs]
    if wanted.kind == Token.Kind.HOOK:
        if len(rooms) != 1:
            raise BadRequest("a hook is for one room: name it whole")
        return create_hook(wanted.name, rooms[0], expires_at=wanted.expires_at, rate=rate)
    may = {"read": wanted.can_read, "send": wanted.can_send}
    can = [ability for ability in ABILITIES if may[ability]]
    return create_token(wanted.name, rooms, can=can, expires_at=wanted.expires_at, rate=rate)
