"""What one person and one address may have of this process, on all sockets together. Knows no frames."""

from ipaddress import IPv6Address, ip_address, ip_network

from chatcore import conf
from chatcore.actors import Actor
from chatcore.exceptions import RateLimited, TooManySockets
from chatcore.rates import Buckets, Inflow, Rate, parsed_rate

#: That somebody types is told to all in a room: so often at most, whatever a person's sockets say.
_TYPING = Rate(steady=1.0, burst=1.0)
#: Tokens that there are not, which one address may bring: each is looked for in the database.
_GUESSES = Rate(steady=5.0, burst=500.0)
#: What one subscriber has of IPv6 (RFC 6177): who changes addresses within it is the same client.
_SUBSCRIBER = 64


class Limits:
    """Counts of the process: made once, and handed to each consumer. For the event loop's thread alone."""

    def __init__(self) -> None:
        self.messages, self.history, self.typing, self.guesses = Buckets(), Buckets(), Buckets(), Buckets()
        #: How many sockets each person and each address has; who has none is not here.
        self.sockets: dict[str, int] = {}

    def enter(self, actor: Actor, host: str | None) -> "Allowance":
        """Room for one more socket of this person from this address, until it leaves. TooManySockets."""
        person, address = _person(actor), _address(host)
        if person and conf.settings.RATE != "off":
            self._check("token" if actor.is_token else "person", person, conf.settings.SOCKETS_PER_PERSON)
        if address:
            self._check("address", address, conf.settings.SOCKETS_PER_ADDRESS)
        keys = tuple(key for key in (person, address) if key)
        for key in keys:
            self.sockets[key] = self.sockets.get(key, 0) + 1
        return Allowance(self, keys, actor)

    def spend_message(self, actor: Actor, count: int = 1) -> None:
        """So many messages, edits or deletions of this actor, whatever way they come. RateLimited."""
        if rate := _rate(actor):
            _spend(self.messages, _person(actor), rate, "messages", count)

    def spend_history(self, actor: Actor) -> None:
        """One read of this actor. RateLimited."""
        if _rate(actor) and conf.settings.RATE != "off":
            _spend(self.history, _person(actor), conf.settings.HISTORY_RATE, "requests for history")

    def spend_guess(self, host: str | None) -> None:
        """A token that this process does not know, from this address. RateLimited."""
        if (address := _address(host)) and (wait := self.guesses.wait(address, _GUESSES)):
            raise RateLimited(wait, "unknown tokens from this address")

    def regain_guess(self, host: str | None) -> None:
        """The counterpart of `spend_guess`: there is that token."""
        if address := _address(host):
            self.guesses.wait(address, _GUESSES, -1.0)

    def leave(self, keys: tuple[str, ...]) -> None:
        """The counterpart of `enter`."""
        for key in keys:
            self.sockets[key] -= 1
            if not self.sockets[key]:
                del self.sockets[key]

    def _check(self, who: str, key: str, most: int) -> None:
        if self.sockets.get(key, 0) >= most:
            raise TooManySockets(who, most)


class Allowance:
    """One socket's place among those of its person and its address, with whom it shares what may be spent."""

    __slots__ = ("_actor", "_keys", "_limits")

    def __init__(self, limits: Limits, keys: tuple[str, ...], actor: Actor) -> None:
        self._limits, self._keys, self._actor = limits, keys, actor

    def leave(self) -> None:
        """The socket is gone."""
        self._limits.leave(self._keys)

    @property
    def _key(self) -> str:
        """Whose what is spent is: the person's, or the address's where nobody is signed in, or this socket's."""
        return self._keys[0] if self._keys else f"socket:{id(self)}"

    def may_type(self) -> bool:
        """Whether it may be told that somebody types: what is too much of that is left out."""
        return not self._limits.typing.wait(self._key, _TYPING)

    def spend_message(self) -> None:
        """A message, an edit or a deletion. RateLimited."""
        if rate := _rate(self._actor):
            _spend(self._limits.messages, self._key, rate, "messages")

    def spend_history(self) -> None:
        """A page of older messages. RateLimited."""
        if _rate(self._actor) and conf.settings.RATE != "off":
            _spend(self._limits.history, self._key, conf.settings.HISTORY_RATE, "requests for history")


def _rate(actor: Actor) -> str | None:
    """How fast this actor may send; None for the system and its bots, which no rate holds."""
    if actor.grant is not None and actor.grant.rate is not None:
        return actor.grant.rate
    return conf.settings.RATE if actor.is_person or actor.is_token else None


def _spend(buckets: Buckets, key: str, text: str, what: str, count: int = 1) -> None:
    rate = parsed_rate(text)
    if rate is not None and (wait := buckets.wait(key, rate, count)):
        raise RateLimited(wait, what)


def inflow() -> Inflow:
    """What one socket may send, as the settings say now: nothing is limited where nobody's rate is."""
    if conf.settings.RATE == "off":
        return Inflow(None, None)
    return Inflow(parsed_rate(conf.settings.SOCKET_FRAMES), parsed_rate(conf.settings.SOCKET_BYTES))


def _person(actor: Actor) -> str:
    return f"{actor.type}:{actor.id}" if actor.type == "user" or actor.is_token else ""


def _address(host: str | None) -> str:
    """Whose sockets count together; nobody's from this machine or over a unix socket, as a proxy's that names none."""
    try:
        address = ip_address((host or "").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return "" if address.is_loopback else str(ip_network((address, _SUBSCRIBER), strict=False))
        address = address.ipv4_mapped
    return "" if address.is_loopback else str(address)
