"""What the admin's pages share: nothing is changed there but by a service, and what a service refuses is said."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from chatcore.exceptions import ChatError
from chatcore.sentences import sentence

T = TypeVar("T")


class ReadOnly:
    """What staff may look at and nobody may change here."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class Refusals:
    """Says what the domain refuses on the page that asked for it; nothing of that is stored."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._guarded(super().changeform_view, request, *args, **kwargs)  # type: ignore[misc]  # ModelAdmin's

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._guarded(super().delete_view, request, *args, **kwargs)  # type: ignore[misc]  # ModelAdmin's

    def _guarded(
        self, view: Callable[..., HttpResponse], request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except ChatError as error:
            messages.error(request, sentence(error))
            return HttpResponseRedirect(request.get_full_path())


def each(request: HttpRequest, things: Iterable[T], do: Callable[[T], object]) -> int:
    """Do it with each of them, also after a refusal, which is said; with how many it was done."""
    done = 0
    for thing in things:
        try:
            do(thing)
            done += 1
        except ChatError as error:
            messages.error(request, f"{thing}: {sentence(error)}")
    return done
