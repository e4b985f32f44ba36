"""Signing up, in and out, and passwords, with Django's own accounts."""

import math
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model, login
from django.contrib.auth.forms import PasswordChangeForm, PasswordResetForm, SetPasswordForm, UserCreationForm
from django.contrib.auth.views import (
    LoginView,
    PasswordChangeView,
    PasswordResetConfirmView,
    PasswordResetView,
    RedirectURLMixin,
)
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView

from chatcore import conf
from chatproject.lockout import signup_wait
from chatproject.mails import mail_later, may_mail

ROOMS = reverse_lazy("chatcore:rooms")
#: Who has passed a form of ours is known to this backend; the first one of the settings only counts attempts.
BACKEND = settings.AUTHENTICATION_BACKENDS[-1]


class SignUpForm(UserCreationForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """An account name and a password, twice; an address for mail where the site can send any."""

    class Meta(UserCreationForm.Meta):
        model = get_user_model()
        fields = (get_user_model().USERNAME_FIELD, get_user_model().get_email_field_name())
        labels = {fields[1]: gettext_lazy("E-mail (optional)")}
        help_texts = {fields[1]: gettext_lazy("Only for the day on which you forget your password.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not settings.SENDS_MAIL:
            del self.fields[self.Meta.fields[1]]


class PlainLabels:
    """Labels of a form without a colon."""

    def get_form_kwargs(self) -> dict[str, Any]:
        kwargs: dict[str, Any] = super().get_form_kwargs()  # type: ignore[misc]  # the view's
        return {**kwargs, "label_suffix": ""}


class SignIn(PlainLabels, LoginView):
    """Sign in; the page offers an account where people may make one."""

    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(signup_open=conf.settings.SIGNUP, **kwargs)


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class SignUp(PlainLabels, RedirectURLMixin, FormView):  # type: ignore[type-arg]
    """Make an account and be signed in with it; where that is closed, say whom to ask."""

    template_name = "registration/signup.html"
    form_class = SignUpForm
    next_page = "chatcore:rooms"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return redirect(self.get_success_url())
        if not conf.settings.SIGNUP:
            return render(request, "registration/signup_closed.html", status=403)
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(next=self.get_redirect_url(), **kwargs)

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        if wait := signup_wait(self.request):
            minutes = math.ceil(wait / 60)
            form.add_error(None, _("Too many accounts were made from here. Minutes to wait: %d.") % minutes)
            headers = {"Retry-After": str(math.ceil(wait))}
            return self.render_to_response(self.get_context_data(form=form), status=429, headers=headers)
        login(self.request, form.save(), BACKEND)
        return super().form_valid(form)


class ChangePassword(PlainLabels, PasswordChangeView):
    """Change one's own password; all other sessions of the account end."""

    template_name = "registration/change_password.html"
    success_url = ROOMS

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        response = super().form_valid(form)
        messages.success(self.request, _("Your password is changed. Everywhere else you are signed out."))
        return response


class LinkForm(PasswordResetForm):
    """Mails the links to those accounts that have the address."""

    def send_mail(self, *args: Any, **kwargs: Any) -> None:
        mail_later(partial(super().send_mail, *args, **kwargs))


class ForgottenPassword(PlainLabels, PasswordResetView):
    """Have a link mailed; where the site sends no mail, say whom to ask."""

    form_class = LinkForm
    template_name = "registration/forgotten_password.html"
    email_template_name = "registration/forgotten_password_mail.txt"
    subject_template_name = "registration/forgotten_password_subject.txt"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.SENDS_MAIL:
            return render(request, "registration/ask_for_password.html")
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        """The answer is the same whether there is such an account or not, and whether a mail went out or not."""
        if not may_mail(form.cleaned_data["email"]):
            return redirect(self.get_success_url())
        self.extra_email_context = public_address()
        return super().form_valid(form)


class NewPassword(PlainLabels, PasswordResetConfirmView):
    """Where the mailed link leads: a new password, and one is signed in with it."""

    template_name = "registration/new_password.html"
    success_url = ROOMS
    post_reset_login = True
    post_reset_login_backend = BACKEND

    def form_valid(self, form: "SetPasswordForm[Any]") -> HttpResponse:
        response = super().form_valid(form)
        messages.success(self.request, _("Your new password is set, and you are signed in."))
        return response


def public_address() -> dict[str, str]:
    """What a link in a mail begins with: never the host that a request claims, if the site knows its own."""
    scheme, _, host = (settings.CHAT_PUBLIC_URL or "").partition("://")
    return {"protocol": scheme, "domain": host} if host else {}
