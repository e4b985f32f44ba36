"""Which address leads where: the chat at the root, accounts and Django's admin beside it."""

from django.contrib import admin
from django.urls import include, path

admin.autodiscover()  # here and not when the apps load: no command needs the admin's modules
admin.site.site_header = admin.site.site_title = "Roomline"

handler500 = "chatproject.trouble.server_error"
urlpatterns = [
    path("", include("chatcore.urls")),
    path("accounts/", include("chatproject.accounts_urls")),
    path("admin/", admin.site.urls),
]
