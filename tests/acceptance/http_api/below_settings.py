"""The site's settings with the chat below a path, as in somebody's own site."""

from chatproject.settings import *  # noqa: F403

ROOT_URLCONF = "tests.acceptance.http_api.below_urls"
