"""Addresses of signing up, in and out, and of passwords, under the names that Django's own pages use."""

from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.generic import TemplateView

from chatproject.accounts import ChangePassword, ForgottenPassword, NewPassword, SignIn, SignUp

MAIL_SENT = TemplateView.as_view(template_name="registration/mail_sent.html")

urlpatterns = [
    path("login/", SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(next_page="logout"), name="logout"),
    path("signup/", SignUp.as_view(), name="signup"),
    path("password/", ChangePassword.as_view(), name="password_change"),
    path("password/forgotten/", ForgottenPassword.as_view(), name="password_reset"),
    path("password/sent/", MAIL_SENT, name="password_reset_done"),
    path("password/new/<uidb64>/<token>/", NewPassword.as_view(), name="password_reset_confirm"),
]
