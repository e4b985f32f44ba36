"""`{% script "room.js" %}`: the address of a page's script."""

from django import template
from django.urls import reverse

from chatcore import scripts

register = template.Library()


@register.simple_tag
def script(entry: str) -> str:
    """The address of the script whose first module is `entry`; it changes with the content."""
    name = entry + ""  # a literal in a template is a SafeString, which no path takes
    return reverse("chatcore:script", args=[scripts.script(name).version, name])
