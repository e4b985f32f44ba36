"""The chat's pages."""

from django.urls import path

from chatcore import views

app_name = "chatcore"
urlpatterns = [
    path("", views.rooms, name="rooms"),
    path("rooms/new/", views.create_room, name="create_room"),
    # `path`, so that a name with a slash in it is told why it is none
    path("chat/<path:name>/", views.room, name="room"),
]
