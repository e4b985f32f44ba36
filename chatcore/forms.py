"""The form that makes a room, with names checked by the domain's rule. The services make the room."""

from collections.abc import Sequence

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from chatcore.exceptions import BadRoomName
from chatcore.names import LONGEST, check_room_name
from chatcore.page_texts import role_name
from chatcore.sentences import sentence


class RoomForm(forms.Form):
    """A name, and what people read beside it."""

    name = forms.CharField(
        label=_("Name"),
        help_text=_("Letters, digits, and - _ . between them. It is the room's address."),
        max_length=LONGEST,
        widget=forms.TextInput(
            attrs={
                "autocapitalize": "none",
                "autocomplete": "off",
                "autofocus": True,
                "spellcheck": "false",
                "dir": "auto",
            }
        ),
    )
    title = forms.CharField(label=_("Title (optional)"), max_length=200, required=False)
    topic = forms.CharField(
        label=_("Topic (optional)"),
        help_text=_("What it is about, in a line."),
        max_length=1000,
        required=False,
    )

    private = forms.BooleanField(
        label=_("Private"),
        help_text=_("Only its members see that it exists. You add them on its page of people."),
        required=False,
    )
    announce_only = forms.BooleanField(
        label=_("For announcements"),
        help_text=_("Everybody reads, only its owners and moderators write."),
        required=False,
    )

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        try:
            check_room_name(name)
        except BadRoomName as error:
            raise ValidationError(sentence(error)) from error
        return name


class MemberForm(forms.Form):
    """An account and its role in a room."""

    account = forms.CharField(
        label=_("Account"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}),
    )
    role = forms.ChoiceField(label=_("Role"))

    def __init__(self, roles: Sequence[str], initial: dict[str, str]) -> None:
        """`roles` are those that may be given; `initial` is what was asked for and refused."""
        super().__init__(label_suffix="", initial=initial)
        role = self.fields["role"]
        assert isinstance(role, forms.ChoiceField)
        role.choices = [(name, role_name(name)) for name in roles]
