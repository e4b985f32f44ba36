"""Addresses of signing up, in and out, under the names that Django's own pages use."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from chatproject.accounts import SignIn, SignUp

urlpatterns = [
    path("login/", SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(next_page="logout"), name="logout"),
    path("signup/", SignUp.as_view(), name="signup"),
]
