"""Addresses as `runchat` takes them."""

import errno

import pytest

from chatcli.server.listen import Address, BadAddress, PortInUse, explained, parse_address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("8001", "127.0.0.1", 8001),
        ("0", "127.0.0.1", 0),
        ("0:8001", "0.0.0.0", 8001),
        ("0.0.0.0:80", "0.0.0.0", 80),
        ("localhost:65535", "localhost", 65535),
        ("chat.example.org:8000", "chat.example.org", 8000),
        ("[::1]:8000", "::1", 8000),
        ("[::]:8000", "::", 8000),
    ],
)
def test_an_address_is_taken_as_runserver_takes_it(text: str, host: str, port: int) -> None:
    assert parse_address(text) == Address(host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        ":8000",
        "localhost",
        "localhost:",
        "1:2:3",
        "::1:8000",
        "65536",
        "-1",
        "8000 ",
        "a b:80",
        "٣",
        "http://x:80",
    ],
)
def test_what_is_no_address_is_a_usage_error(text: str) -> None:
    with pytest.raises(BadAddress) as caught:
        parse_address(text)
    assert caught.value.exit_code == 2
    assert "0.0.0.0:8001" in str(caught.value)


def test_an_address_is_shown_as_it_is_typed() -> None:
    assert str(Address("::1", 80)) == "[::1]:80"
    assert str(Address("localhost", 80)) == "localhost:80"


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (Address(), "port 8000 is in use; try: runchat 8001"),
        (Address("0.0.0.0", 80), "port 80 is in use; try: runchat 0.0.0.0:81"),
        (Address("::1", 65535), "port 65535 is in use; try: runchat [::1]:65535"),
    ],
)
def test_a_port_in_use_comes_with_another_one(address: Address, text: str) -> None:
    assert str(PortInUse(address)) == text


def test_a_port_in_use_names_the_chat_server_that_has_it() -> None:
    assert str(PortInUse(Address(), 4711)) == "port 8000 is in use by the chat server with pid 4711; try: runchat 8001"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.EACCES, "port 80 is for root only; try: runchat 8000"),
        (errno.EADDRNOTAVAIL, "127.0.0.1 is no address of this machine; try: runchat 80"),
        (errno.ENOBUFS, "cannot listen on 127.0.0.1:80: out of luck"),
    ],
)
def test_a_port_that_cannot_be_had_comes_with_what_to_do(number: int, text: str) -> None:
    assert str(explained(OSError(number, "out of luck"), Address(port=80))) == text
