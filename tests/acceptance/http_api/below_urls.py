"""The chat at /talk/, beside the accounts."""

from django.urls import include, path

from chatproject.urls import handler500  # noqa: F401

urlpatterns = [
    path("talk/", include("chatcore.urls")),
    path("accounts/", include("chatproject.accounts_urls")),
]
