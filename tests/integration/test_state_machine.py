"""Whatever several processes and their clients do, in whatever order: the log is the list that a list would be, and
each client ends with it. Hypothesis makes up what happens, and shortens what fails."""

import asyncio
import itertools
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from chatcore import events, history, services
from chatcore.actors import SYSTEM, actor_for
from chatcore.bell import Batch
from chatcore.exceptions import Forbidden, MessageNotFound
from chatcore.models import Change, Message, Room
from chatcore.services import Post
from chatcore.services.epochs import begin_epoch
from chatcore.services.pruning import prune_rooms
from chatcore.services.renaming import rename_room
from tests.integration.replicas import LIMIT, Peer, Process, Seen
from tests.integration.writing import posted
from tests.waiting import DEADLINE_S, SOAK

T = TypeVar("T")

PROCESSES, PEERS = 2, 3
FIRST_MESSAGES = 50
#: In the log, from which it is replayed at the end.
PLACES = 20
#: Of the event loop, in which a process takes posts in before it dies.
TURNS = 20
CHOICE = st.integers(0, 1000)
_numbers = itertools.count()


class Log:
    """The model: a list of events (kind, seq, text); the place in it is the rev. And what follows from it."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int, str]] = []
        self.old: set[int] = set()
        self.floor = 0

    @property
    def head(self) -> int:
        return len(self.events)

    def add(self, kind: str, seq: int, text: str) -> None:
        """What is new has the next number, whatever it was given."""
        assert kind != "message" or seq == self.last_seq + 1
        self.events.append((kind, seq, text))

    def view(self, upto: int | None = None) -> dict[int, Seen]:
        """What a reader sees who was there all the time up to this rev."""
        return {seq: (text, kind in ("delete", "expire")) for kind, seq, text in self.events[:upto]}

    @property
    def last_seq(self) -> int:
        return sum(kind == "message" for kind, _, _ in self.events)

    @property
    def seq_floor(self) -> int:
        """The highest number of a message that was pruned."""
        return max((seq for kind, seq, _ in self.events[: self.floor] if kind == "message"), default=0)

    def living(self) -> list[int]:
        return [seq for seq, (_, deleted) in self.view().items() if not deleted and seq > self.seq_floor]

    def prune(self, upto: int) -> None:
        """What happened so far in the messages up to that number is too old."""
        self.old |= {rev for rev, (_, seq, _) in enumerate(self.events, 1) if seq <= upto}
        while self.floor + 1 in self.old:
            self.floor += 1


class Chat(RuleBasedStateMachine):
    """One room, two processes, three clients, and commands."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.name = f"room{next(_numbers)}"
        self.room_id = services.create_room(self.name, retention=timedelta(days=1)).room.id
        self.log, self.air = Log(), list[Batch]()
        self.keys: dict[str, tuple[int, str, int]] = {}
        self.expiring: set[int] = set()
        self.slot: int | None = None
        self.epochs = 0
        self.processes = [self._started() for _ in range(PROCESSES)]
        self.peers = [Peer(user) for user in User.objects.order_by("pk")[:PEERS]]
        self.texts = (f"text {number}" for number in itertools.count())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, 2 * DEADLINE_S))

    def _started(self) -> Process:
        async def start() -> Process:
            return await Process(self.air).__aenter__()

        return self._do(start())

    # What commands do

    @rule(count=st.integers(1, 4))
    def post(self, count: int) -> None:
        """Messages of a command, in one transaction."""
        texts = [next(self.texts) for _ in range(count)]
        results = services.post_messages([Post(self.name, text) for text in texts], announce=self.air.extend)
        for text, result in zip(texts, results, strict=True):
            message = posted(result)
            self.log.add("message", message.seq, text)
            assert (message.rev, message.message) == (self.log.head, text)

    @rule()
    def post_many(self) -> None:
        """More than who begins anew is shown."""
        self.post(FIRST_MESSAGES + 5)

    @rule()
    def post_what_expires(self) -> None:
        post = Post(self.name, next(self.texts), lifetime=timedelta(microseconds=1))
        message = posted(services.post_messages([post], announce=self.air.extend)[0])
        self.log.add("message", message.seq, post.text)
        self.expiring.add(message.seq)

    @rule()
    def expire(self) -> None:
        due = [seq for seq in self.log.living() if seq in self.expiring]
        assert services.expire_messages(announce=self.air.extend) == len(due)
        for seq in due:
            self.log.add("expire", seq, "")

    @rule(repeat=st.booleans())
    def post_into_the_slot(self, repeat: bool) -> None:
        held = self.slot if self.slot in self.log.living() else None
        text = self.log.view()[held][0] if repeat and held is not None else next(self.texts)
        (result,) = services.post_messages([Post(self.name, text, slot="disk")], announce=self.air.extend)
        assert isinstance(result, services.Posted)
        if held is None:
            self.slot = result.message.seq
            self.log.add("message", self.slot, text)
        elif not repeat:
            self.log.add("edit", held, text)
        expected = "sent" if held is None else "duplicate" if repeat else "edited"
        assert (result.outcome, result.message.seq) == (expected, self.slot)

    @precondition(lambda self: self.log.last_seq)
    @rule(which=CHOICE)
    def edit(self, which: int) -> None:
        seq, text = which % self.log.last_seq + 1, next(self.texts)
        if seq in self.log.living():
            edit = services.edit_message(self.name, seq, text, self._author(seq), announce=self.air.extend)
            self.log.add("edit", seq, text)
            assert edit.rev == self.log.head
        else:
            with pytest.raises((Forbidden, MessageNotFound)):
                services.edit_message(self.name, seq, text, self._author(seq), announce=self.air.extend)

    @precondition(lambda self: self.log.last_seq)
    @rule(which=CHOICE)
    def delete(self, which: int) -> None:
        seq = which % self.log.last_seq + 1
        if seq in self.log.living():
            services.delete_message(self.name, seq, SYSTEM, announce=self.air.extend)
            self.log.add("delete", seq, "")
        else:
            with pytest.raises((Forbidden, MessageNotFound)):
                services.delete_message(self.name, seq, SYSTEM, announce=self.air.extend)

    def _author(self, seq: int) -> Any:
        author = next((peer for owner, _, of in self.keys.values() if of == seq for peer in [self.peers[owner]]), None)
        return SYSTEM if author is None else actor_for(author.user)

    @precondition(lambda self: self.log.last_seq)
    @rule(which=CHOICE, steps=st.sampled_from([1, 2, 1000]))
    def prune(self, which: int, steps: int) -> None:
        """Retention; with few steps it is killed on the way."""
        upto = which % self.log.last_seq + 1
        aged = {"room": self.room_id, "seq__lte": upto}
        Message.objects.filter(**aged).update(created_at=timezone.now() - timedelta(days=2))
        Change.objects.filter(**aged).update(at=timezone.now() - timedelta(days=2))
        self.log.prune(upto)
        list(itertools.islice(prune_rooms(), steps))

    @rule(writers=st.lists(CHOICE, max_size=1))
    def rename(self, writers: list[int]) -> None:
        """Who is live at that moment goes on writing."""
        for peer in writers:
            self.catch_up(peer)
        new = f"room{next(_numbers)}"
        rename_room(self.name, new, SYSTEM)
        self.name = new
        if writers:
            self.send(writers)

    @rule()
    def begin_a_new_epoch(self) -> None:
        begin_epoch(self.name)
        self.epochs += 1

    # What happens to rings and processes

    @precondition(lambda self: self.air)
    @rule(which=CHOICE, where=CHOICE)
    def ring(self, which: int, where: int) -> None:
        """One of all the rings so far gets to a process: late, again, or in another order; others never do."""

        async def heard() -> None:
            self.processes[where % PROCESSES].lookout.heard(self.air[which % len(self.air)])

        self._do(heard())

    @rule(peer=CHOICE)
    def lose_a_ring(self, peer: int) -> None:
        """Of two transactions who is live hears of the second one only, before his process looks at the log."""
        self.catch_up(peer)
        self.post(2)
        self.post(1)
        where = self.peers[peer % PEERS].process
        assert where is not None
        self.ring(len(self.air) - 1, self.processes.index(where))
        self.catch_up(peer)

    @rule(where=CHOICE, peer=CHOICE, count=st.integers(0, 3))
    def kill(self, where: int, peer: int, count: int) -> None:
        """A process dies when somebody's posts, or some of them, are stored and nobody was told."""
        index, poster = where % PROCESSES, self.peers[peer % PEERS]
        process = self.processes[index]
        sent: dict[str, str] = {}
        if poster.process is process:
            sent = {f"key {next(_numbers)}": next(self.texts) for _ in range(count)}
        self._do(self._die(process, poster, sent))
        self.processes[index] = self._started()
        stored = history.heads([self.room_id])[self.room_id].head - self.log.head
        for number, (client_id, text) in enumerate(sent.items()):  # who has no answer sends again
            post = Post(self.name, text, actor_for(poster.user), source="web", key=client_id)
            (result,) = services.post_messages([post], announce=self.air.extend)
            assert isinstance(result, services.Posted)
            self.log.add("message", result.message.seq, text)
            assert result.outcome == ("duplicate" if number < stored else "sent")
            self.keys[client_id] = peer % PEERS, text, result.message.seq

    async def _die(self, process: Process, poster: Peer, sent: dict[str, str]) -> None:
        process.died = True
        for client_id, text in sent.items():
            poster.say(type="send", message=text, client_id=client_id)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        for peer in self.peers:
            if peer.process is process:
                await peer.go()
        for _ in range(3):  # a post to a room that has another name by now is asked about, and posted again
            await process.writer.settled()
            await process.lookout.read(history.heads, [])
            await asyncio.sleep(0)
        await process.__aexit__(None, None, None)

    # What clients do

    @rule(peer=CHOICE, where=CHOICE, frames=st.integers(0, 80))
    def come(self, peer: int, where: int, frames: int) -> None:
        """Cut off, wherever it was, and back; perhaps for some frames only."""

        async def come() -> None:
            client = self.peers[peer % PEERS]
            await client.go()
            await client.come(self.processes[where % PROCESSES], self.name)
            for _ in range(frames):
                if self._is_complete(client):
                    return
                if not await client.read():
                    break
            await self._cut_off(client)

        self._do(come())

    async def _cut_off(self, peer: Peer) -> None:
        await peer.go()
        if not self._has_newest(peer):
            peer.cursor.after = None  # it was nowhere yet

    @rule(peer=CHOICE)
    def catch_up(self, peer: int) -> None:
        self._do(self._caught_up(self.peers[peer % PEERS]))

    @rule(peers=st.lists(CHOICE, min_size=1, max_size=3, unique_by=lambda choice: choice % PEERS))
    def send(self, peers: list[int]) -> None:
        """Clients of any processes post at the same time; in which order, the database decides."""
        self._do(self._send([self.peers[peer % PEERS] for peer in peers]))

    async def _send(self, peers: list[Peer]) -> None:
        for peer in peers:
            await self._caught_up(peer)
        sent = {f"key {next(_numbers)}": (peer, next(self.texts)) for peer in peers for _ in range(2)}
        for client_id, (peer, text) in sent.items():
            peer.say(type="send", message=text, client_id=client_id)
        stored = [(answer, peer) for peer in peers for answer in await peer.answered(2)]
        assert [answer["type"] for answer, _ in stored] == ["sent"] * len(sent)
        for answer, peer in sorted(stored, key=lambda pair: int(pair[0]["seq"])):
            text = sent[answer["client_id"]][1]
            self.log.add("message", answer["seq"], text)
            assert answer["rev"] == self.log.head
            self.keys[answer["client_id"]] = self.peers.index(peer), text, answer["seq"]

    @precondition(lambda self: self.keys)
    @rule(which=CHOICE, other=st.booleans())
    def send_again(self, which: int, other: bool) -> None:
        client_id = sorted(self.keys)[which % len(self.keys)]
        owner, text, seq = self.keys[client_id]
        self._do(self._send_again(self.peers[owner], client_id, f"not {text}" if other else text, seq))

    async def _send_again(self, peer: Peer, client_id: str, text: str, seq: int) -> None:
        await self._caught_up(peer)
        peer.say(type="send", message=text, client_id=client_id)
        (answer,) = await peer.answered(1)
        if text.startswith("not"):
            assert (answer["type"], answer["code"]) == ("error", "key_reused")
        else:
            assert (answer["type"], answer["seq"], answer["duplicate"]) == ("sent", seq, True)

    @precondition(lambda self: self.keys)
    @rule(which=st.lists(CHOICE, min_size=2, max_size=5))
    def repeat_in_one_transaction(self, which: list[int]) -> None:
        """What several clients send again, and something new between them."""
        known, new = sorted(self.keys), next(self.texts)
        again = [known[choice % len(known)] for choice in which]
        posts = []
        for client_id in again:
            owner, text, _ = self.keys[client_id]
            posts.append(Post(self.name, text, actor_for(self.peers[owner].user), source="web", key=client_id))
        posts.insert(1, Post(self.name, new))
        first, result, *rest = services.post_messages(posts, announce=self.air.extend)
        self.log.add("message", posted(result).seq, new)
        for client_id, repeat in zip(again, [first, *rest], strict=True):
            assert isinstance(repeat, services.Posted)
            assert (repeat.outcome, repeat.message.seq) == ("duplicate", self.keys[client_id][2])

    async def _caught_up(self, peer: Peer) -> None:
        """Whatever it takes, the client comes to the end of the log, with the view that the list has."""
        epoch = (await asyncio.to_thread(history.heads, [self.room_id]))[self.room_id].epoch
        while not (peer.process and self._is_complete(peer) and peer.cursor.epoch == epoch):
            if peer.process is None or not await peer.read():
                await self._cut_off(peer)
                await peer.come(self.processes[0], self.name)
        view = self.log.view()
        for seq, seen in peer.cursor.view.items():
            assert seq <= self.log.seq_floor or seen == view[seq]

    def _is_complete(self, peer: Peer) -> bool:
        return peer.cursor.after == self.log.head and self._has_newest(peer)

    def _has_newest(self, peer: Peer) -> bool:
        """Whether a client that begins anew has got the newest messages, and all after them."""
        cursor = peer.cursor
        if cursor.after is None:
            return False
        at_first = [seq for kind, seq, _ in self.log.events[: cursor.newest_upto] if kind == "message"][
            -FIRST_MESSAGES:
        ]
        later = [seq for kind, seq, _ in self.log.events[cursor.newest_upto : cursor.after] if kind == "message"]
        return {seq for seq in at_first + later if seq > self.log.seq_floor} <= cursor.view.keys()

    # What always holds

    def teardown(self) -> None:
        try:
            self._check_log()
            for peer in self.peers:
                self._do(self._caught_up(peer))
            self._check_gaps()
        finally:
            for peer in self.peers:
                self._do(peer.go())
            for process in self.processes:
                self._do(process.__aexit__(None, None, None))
            self.loop.close()
            Room.objects.all().delete()

    def _check_gaps(self) -> None:
        """Nobody was told that his run breaks when it did not: who begins anew each time is complete, too."""
        possible = {"pruned": self.log.floor > 0, "epoch": self.epochs > 0, "limit": self.log.head > LIMIT}
        told = {reason for peer in self.peers for reason in peer.cursor.reasons}
        assert [reason for reason in told if not possible.get(reason)] == []

    def _check_log(self) -> None:
        """The log has the list's events, each number once; and its replay from anywhere ends in the list's view."""
        head = history.heads([self.room_id])[self.room_id]
        assert (head.head, head.floor) == (self.log.head, self.log.floor)
        assert history.room_named(self.name).last_seq == self.log.last_seq
        final = {seq: seen for seq, seen in self.log.view().items() if seq > self.log.seq_floor}
        for after in {*range(head.floor, head.head, head.head // PLACES + 1), head.head}:
            page = [
                events.decode_event(payload) for payload in history.events_after(self.room_id, after, 5000).payloads
            ]
            kinds = [(kind.replace("expire", "delete"), seq) for kind, seq, _ in self.log.events[after:]]
            assert [(event.__struct_config__.tag, event.seq) for event in page] == kinds
            view = self.log.view(after) | {event.seq: (event.message, event.deleted) for event in page}
            assert {seq: seen for seq, seen in view.items() if seq > self.log.seq_floor} == final


@pytest.mark.django_db(transaction=True)
@override_settings(CHAT_RATE="off")
def test_whatever_happens_each_client_ends_with_the_log_and_the_log_is_a_list() -> None:
    for name in ("alice", "bob", "carol"):
        User.objects.create_user(name)
    run_state_machine_as_test(
        Chat,
        settings=settings(
            max_examples=8 if SOAK == 1 else 20 * SOAK,
            stateful_step_count=25 if SOAK == 1 else 50,
            derandomize=SOAK == 1,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
