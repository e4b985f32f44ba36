"""The settings that say where the site is reached and through whom, checked."""

from __future__ import annotations

import re
from ipaddress import ip_network
from urllib.parse import urlsplit

from chatproject.environment import Environment, bad
from chatproject.proxies import UNIX

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def public_url(env: Environment, name: str) -> str | None:
    """The site's address as `https://host[:port]`, as a browser names it in Origin; None is loopback only."""
    example = "https://chat.example.org"
    value = env.url(name, ("http", "https"), example=example)
    if value is None:
        return None
    url = urlsplit(value)
    try:
        host = (url.hostname or "").encode("idna").decode()  # browsers send the ASCII form
    except UnicodeError:
        host = ""
    more = url.username is not None or url.path.strip("/") or url.query or url.fragment
    if more or not re.fullmatch(r"[a-z0-9._-]+|[0-9a-f:.]+", host):
        raise bad(name, value, f"a scheme and a host, no path, like {example}")
    address = f"[{host}]" if ":" in host else host
    standard = {"http": 80, "https": 443}[url.scheme]
    return f"{url.scheme}://{address}" + (f":{url.port}" if url.port not in (None, standard) else "")


def allowed_hosts(url: str | None) -> list[str]:
    """This machine's own names, and the public host if there is one."""
    if url is None:
        return [*LOOPBACK]
    host = urlsplit(url).hostname or ""
    return [f"[{host}]" if ":" in host else host, *LOOPBACK]


def sender(url: str | None) -> str:
    """Whom the site's mails come from when nothing else is set."""
    return f"roomline@{(urlsplit(url).hostname if url else None) or 'localhost'}"


def origins(env: Environment, name: str) -> list[str]:
    """Addresses of sites as browsers name them in Origin."""
    words = env.words(name)
    for word in words:
        if not re.fullmatch(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", word):
            raise bad(name, word, "origins as browsers name them, like https://status.example.org")
    return words


def trusted_proxies(env: Environment, name: str) -> list[str]:
    """Addresses and networks, and the word "unix" for the peers of a unix socket."""
    words = env.words(name)
    for word in words:
        try:
            if word != UNIX:
                ip_network(word, strict=False)
        except ValueError:
            raise bad(name, word, f'addresses, networks or "{UNIX}", like 127.0.0.1,10.0.0.0/8') from None
    return words
