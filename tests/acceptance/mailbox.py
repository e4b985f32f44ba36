"""A real mail server on this machine, which keeps what it is given: with STARTTLS, a name and a password."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.acceptance.certificate import self_signed
from tests.acceptance.nginx import free_port
from tests.waiting import wait_until

HOST = "localhost"
ACCOUNT, PASSWORD = "roomline", "a password for mail"


class Mailbox:
    """What has come, and the settings of a site that sends it."""

    def __init__(self, folder: Path) -> None:
        self.mails: list[EmailMessage] = []
        self.port = free_port()
        self.certificate, self.key = self_signed(folder, HOST)

    @property
    def env(self) -> dict[str, str]:
        return {
            "DJANGO_EMAIL_HOST": HOST,
            "DJANGO_EMAIL_PORT": str(self.port),
            "DJANGO_EMAIL_USER": ACCOUNT,
            "DJANGO_EMAIL_PASSWORD": PASSWORD,
            "DJANGO_EMAIL_FROM": "Roomline <chat@example.org>",
            "SSL_CERT_FILE": str(self.certificate),  # OpenSSL's: whom to believe
        }

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name
        parsed = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        return "250 OK"

    def next_mail(self) -> EmailMessage:
        """The oldest that was not taken yet."""
        wait_until(lambda: self.mails, "a mail")
        return self.mails.pop(0)


def _known(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (ACCOUNT.encode(), PASSWORD.encode())
    return AuthResult(success=right)


@contextmanager
def mail_server(folder: Path) -> Iterator[Mailbox]:
    """One that takes mail only from who is known, and by TLS."""
    box = Mailbox(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(box.certificate, box.key)
    server = Controller(
        box, HOST, box.port, tls_context=context, require_starttls=True, auth_required=True, authenticator=_known
    )
    server.start()
    try:
        yield box
    finally:
        server.stop()
