"""The chat's pages."""

from django.urls import path

from chatcore import views
from chatcore.api.page import documentation

app_name = "chatcore"
urlpatterns = [
    path("scripts/<slug:version>/<str:entry>", views.script, name="script"),
    path("", views.rooms, name="rooms"),
    path("api/", documentation, name="api"),
    path("rooms/new/", views.create_room, name="create_room"),
    path("chat/<str:name>/people/", views.people, name="people"),
    path("chat/<str:name>/search/", views.search, name="search"),
    # `path`, so that a name with a slash in it is told why it is none
    path("chat/<path:name>/", views.room, name="room"),
]
