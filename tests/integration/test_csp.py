"""The pages' Content-Security-Policy in a site that is not ours alone."""

import pytest
from django.test import Client, override_settings

from chatcore.csp import HEADER

pytestmark = pytest.mark.django_db


@override_settings(STATIC_URL="https://static.example/assets/")
def test_static_files_may_come_from_another_host(client: Client) -> None:
    policy = client.get("/accounts/login/")[HEADER]
    assert "script-src 'self' https://static.example;" in policy
    assert "default-src 'none'" in policy


@override_settings(STATIC_URL="//static.example/assets/")
def test_without_a_scheme_that_host_is_asked_by_tls(client: Client) -> None:
    assert "style-src 'self' https://static.example;" in client.get("/accounts/login/")[HEADER]


@override_settings(CHAT_CSP="site")
def test_a_site_may_give_its_own_policy(client: Client) -> None:
    assert HEADER not in client.get("/accounts/login/")
