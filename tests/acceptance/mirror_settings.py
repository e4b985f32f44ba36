"""The site's settings with the small application of `mirror` instead of the chat and its pages."""

from chatproject.settings import *  # noqa: F403

ASGI_APPLICATION = "tests.acceptance.mirror.application"
ROOT_URLCONF = __name__
urlpatterns: list[object] = []
