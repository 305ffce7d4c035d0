"""Looks: calls that belong together because somebody looks at one thing, and are one read of the log.

What is asked for is followed, not believed: a further call is no read of its own where the facts that the look has
shown name what it asks for, and what it shows was there when the look was recorded and is of no platform but those that
it is of already. So the leaf of a look says whose facts it can be about, and a platform's register has every look at
them. It leads on by what is looked at, not by whose that is or who did it: a platform's id, or an operator's, would
lead to all that there is, and is followed for its name alone.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import TypeVar

from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.sealing.bounded_cache import BoundedCache
from ringfence_kernel.service.heavy import InThreads
from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.values.ids import ID_BYTES, external_id, show

from ringfence_audit.log.application.commands import LogStanding, RecordRead
from ringfence_audit.log.application.seeing import current_sight
from ringfence_audit.log.application.views import Views
from ringfence_audit.log.domain.leaf import Value, decode, encode
from ringfence_audit.log.domain.reads import is_read_of
from ringfence_audit.log.domain.sight import TENANT_NAMES, platforms_of
from ringfence_audit.log.domain.state import LogPosition

LOOK_NS = 120 * NANOSECONDS
"""For so long calls belong to a look; what comes later is a read of its own."""
MOST_LOOKS, MOST_IDS = 32, 16_384
"""That are remembered, and of one look the ids that its facts name: some 2 MB. What is forgotten is read anew."""
MOST_ANSWERED = 32_768
"""Calls of looks that are known when they are made again, of all readers: some 20 MB."""
FEW_PLATFORMS = 8
"""Of so many a call keeps where the log stood; of a look at more, for those alone that it showed."""
UNTIL = "until_leaf"
"""What a call asks to be answered before, as its leaf says."""
MOST_SHOWN = 20_000
"""Facts that are shown by one read of a look: as many as a page shows at most."""
INSTRUCTION = "payment-instruction.instruction.v1"
TRANSFERS_OF_PAYMENT = ("transfer", "transfer.post", "transfer.void")
"""Domains of the ids that a payment's transfers have (docs/formats.md, ids): it names them without having them."""
OF_NO_PLATFORM = frozenset({"OPERATOR", "REGULATOR", "AUDITOR", "MIRROR", "BANK_FEED", "IMPORTER"})
"""Kinds of principals that are the custodian's, a supervisor's or a bank's."""
REGISTERED = "identity.principal_registered.v1"
"""The kind of fact that says what a platform or a person is called."""
PEOPLE = (
    *("principal_id", "person_id", "by_id", "actor_id", "maker_id", "submitter_id", "reader_id", "feed_id"),
    *("proposer_id", "confirmer_id", "assignee_id"),
)
"""How the names of fields end that have the id of whoever did something."""
NOT_FOLLOWED = (*PEOPLE, *TENANT_NAMES, "stream_id", "grant_id")
"""Fields whose ids do not say what a fact is about: whose it is, by whom, and from which stream."""
AnswerT = TypeVar("AnswerT")
Leaves = Sequence[tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Look:
    """A look as a call names it: by 16 bytes of whoever asks, empty where it is none, and what is looked at."""

    id: bytes = b""
    page: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a look: its method, what it asks for as its leaf says, about which ids, and which part of it."""

    look: Look
    method: str
    query: Mapping[str, Value | None]
    asked: Sequence[bytes] = ()
    part: str = ""

    def key(self, reader: bytes, grant: bytes) -> bytes:
        """Tells it from calls that show something else, whoever asks; how far it goes is a part of none."""
        fields = {f"query_{name}": value for name, value in self.query.items() if name != UNTIL}
        who: dict[str, Value | None] = {
            "reader_id": reader,
            "grant_id": grant,
            "look_id": self.look.id,
            "part": self.part,
        }
        return sha256(encode(self.method, {**fields, **who})).digest()


@dataclass(slots=True)
class Logged:
    """Where the log stood when a read of a look was recorded last: of all, and by platform of those that showed it.

    `called_size` is where it stood at a read of everybody, which every platform's register has.
    """

    size: int
    sizes: dict[bytes, int] = field(default_factory=dict)
    called_size: int = 0

    def covers(self, leaves: Leaves) -> bool:
        """Tells whether the log has it already that leaves are shown."""
        return all(index < self._size_of(leaf) for index, leaf in leaves)

    def took(self, leaves: Leaves, size: int) -> None:
        """Notes what was shown by a read of its own, at a size of the log."""
        self.size = max(self.size, size)
        for _, leaf in leaves:
            for platform in platforms_of(*decode(leaf)):
                self.sizes[platform] = max(self.sizes.get(platform, 0), size)

    def standing(self, leaves: Leaves) -> Logged:
        """Gives a copy for a call that showed leaves: later reads of the look name other things, and are not of it."""
        if len(self.sizes) <= FEW_PLATFORMS:
            return Logged(self.size, dict(self.sizes), self.called_size)
        shown = {platform for _, leaf in leaves for platform in platforms_of(*decode(leaf))}
        sizes = {platform: self.sizes[platform] for platform in shown & self.sizes.keys()}
        return Logged(self.size, sizes, self.called_size)

    def _size_of(self, leaf: bytes) -> int:
        """Gives up to where the log's facts of a leaf's platforms are of the look: of all, where it is of none."""
        kind, fields = decode(leaf)
        if kind != REGISTERED:
            return min((self.sizes.get(each, 0) for each in platforms_of(kind, fields)), default=self.size)
        # Whoever is of no platform is named by the look of whoever is.
        named = () if fields.get("kind") in OF_NO_PLATFORM else platforms_of(kind, fields)
        return min((max(self.sizes.get(each, 0), self.called_size) for each in named), default=self.size)


@dataclass(slots=True)
class Looked:
    """What a look has shown: the ids that its facts are about, and those that they call by an id alone.

    `logged` is where the log stood at its reads, `until_ns` when it ends.
    """

    logged: Logged
    until_ns: int
    ids: set[bytes] = field(default_factory=set)
    called: set[bytes] = field(default_factory=set)
    shown: int = 0

    def names(self, asked: Sequence[bytes], kind: Value | None, now_ns: int) -> bool:
        """Tells whether the look goes on to what is asked for: facts about ids, or one kind of these."""
        if now_ns >= self.until_ns or not asked:
            return False
        if kind == REGISTERED:
            return (self.ids | self.called).issuperset(asked)
        is_of_platform = not self.logged.sizes.keys().isdisjoint(asked)
        return self.ids.issuperset(asked) and self.called.isdisjoint(asked) and not is_of_platform

    def covers(self, leaves: Leaves) -> bool:
        """Tells whether leaves may be shown by it."""
        return self.shown + len(leaves) <= MOST_SHOWN and self.logged.covers(leaves)

    def took(self, leaves: Leaves, size: int) -> None:
        """Notes what was shown by a read of its own, at a size of the log."""
        self.shown = 0
        self.logged.took(leaves, size)
        self.noted(leaves)

    def noted(self, leaves: Leaves) -> None:
        """Notes what was shown, and what it names as far as there is room."""
        self.shown += len(leaves)
        self.named(leaves)

    def named(self, leaves: Leaves) -> None:
        """Notes what leaves name that are shown again."""
        for _, leaf in leaves:
            if len(self.ids) + len(self.called) >= MOST_IDS:
                return
            about, called = named_in(leaf)
            self.ids |= about
            self.called |= called


@dataclass(frozen=True, slots=True)
class Answered:
    """A call that was answered within a look: where the log stood at that, and before which leaf it was answered.

    `until_ns` is when its look ends: another one of the same id ends at another time.
    """

    logged: Logged
    until_leaf: int
    until_ns: int

    def covers(self, leaves: Leaves, reader: bytes, grant: bytes) -> bool:
        """Tells whether the same call shows nothing that the log does not have it shown by already.

        A view is a fact about what was looked at: that the reader has looked elsewhere is nothing new to it.
        """
        others = [each for each in leaves if not is_read_of(each[1], reader, grant)]
        return all(index < self.until_leaf for index, _ in others) and self.logged.covers(others)


@dataclass(frozen=True, slots=True)
class Looks:
    """Records reads, of each look one as far as it goes; `heavily` runs what looks through many leaves.

    The same call of a look again is a refresh, whenever it is: none, but for what is newer.
    """

    record_read: RecordRead
    standing: LogStanding
    now_ns: Callable[[], int]
    heavily: InThreads
    views: Views
    _looked: BoundedCache[tuple[bytes, bytes, bytes], Looked] = field(default_factory=lambda: BoundedCache(MOST_LOOKS))
    _answered: BoundedCache[bytes, Answered] = field(default_factory=lambda: BoundedCache(MOST_ANSWERED))

    async def answered(
        self, call: Call, answer: Callable[[LogPosition], Awaitable[AnswerT]], shown: Callable[[AnswerT], Leaves]
    ) -> AnswerT:
        """Gives an answer of which a read is recorded before it leaves, or was when the look began.

        `answer` makes the answer as of a position of the log, and `shown` gives the leaves in it.
        """
        reader, grant, page = current_caller().subject, current_sight().grant_id, call.look.page or None
        if not call.look.id:
            return await answer(await self.record_read(reader, call.method, call.query, page=page))
        key, looked = call.key(reader, grant), self._looked.get((reader, grant, call.look.id))
        before = self._answered.get(key)
        goes_on = looked is not None and looked.names(call.asked, call.query.get("kind"), self.now_ns())
        made = await answer(await self.standing()) if before is not None or goes_on else None
        if made is not None and before is not None and await self.heavily(before.covers, shown(made), reader, grant):
            # What was shown by a look of before leads nowhere in a newer one, which no read of it began.
            if looked is not None and looked.until_ns == before.until_ns:
                await self.heavily(looked.named, shown(made))
            return made
        if made is not None and looked is not None and goes_on and await self.heavily(looked.covers, shown(made)):
            await self.heavily(looked.noted, shown(made))
            await self._keep(key, call, looked, shown(made))
            return made
        stood = await self.record_read(reader, call.method, call.query, page=page)
        if made is None:
            made = await answer(stood)
        looked = self._begun((reader, grant, call.look.id), stood.size)
        await self.heavily(looked.took, shown(made), stood.size)
        await self._keep(key, call, looked, shown(made))
        return made

    async def _keep(self, key: bytes, call: Call, looked: Looked, leaves: Leaves) -> None:
        """Keeps a call as answered, by where the log stands for its look now."""
        logged = await self.heavily(looked.logged.standing, leaves)
        self._answered.put(key, Answered(logged, _until(call), looked.until_ns))

    def ahead(self, read: Callable[[LogPosition], Awaitable[AnswerT]]) -> Callable[[LogPosition], Awaitable[AnswerT]]:
        """Begins to read while the read is being recorded; gives what answers then, of where the log stands.

        Where there is another checkpoint by then, or reading came to nothing, it is read again.
        """
        expected = self.standing.expected()
        begun = asyncio.ensure_future(read(expected))
        # Where the read cannot be recorded nobody asks what came of it.
        begun.add_done_callback(lambda done: done.cancelled() or done.exception())

        async def answer(stood: LogPosition) -> AnswerT:
            if stood.signed == expected.signed:
                # What it came to is said by the next one, of what is committed: this one may have looked beyond that.
                with suppress(Exception):
                    return await begun
            return await read(stood)

        return answer

    async def viewed(
        self, look: Look, method: str, query: Mapping[str, Value | None], shown_as: str = ""
    ) -> LogPosition:
        """Gives as of where a call is answered that comes to something of the log as it stands; it is recorded.

        The same again, of a look and shown alike (`shown_as`), is answered as of then, until the log has signed more.
        """
        reader = current_caller().subject
        if not look.id:
            return await self.record_read(reader, method, query)
        newest = (await self.standing()).signed_head().size - 1
        shown_as = f"{look.id.hex()} {shown_as}"
        return await self.views.refreshed(reader, look.page, query, newest, shown_as=shown_as, method=method)

    async def called(self, look: Look, stood: LogPosition, leaves: Leaves = (), ids: Iterable[bytes] = ()) -> None:
        """Notes whom a recorded read of everybody has named: what they are called, and no more, belongs to it."""
        if look.id:
            looked = self._begun((current_caller().subject, current_sight().grant_id, look.id), stood.size)
            found = await self.heavily(_called_in, leaves)
            looked.called |= set(islice(found | set(ids), max(MOST_IDS - len(looked.ids) - len(looked.called), 0)))
            looked.logged.called_size = max(looked.logged.called_size, stood.size)

    def _begun(self, key: tuple[bytes, bytes, bytes], size: int) -> Looked:
        """Gives what a look has shown; one whose time is over begins anew with the read that is recorded."""
        looked = self._looked.get(key)
        if looked is None or self.now_ns() >= looked.until_ns:
            self._looked.put(key, looked := Looked(Logged(size), self.now_ns() + LOOK_NS))
        return looked


def _called_in(leaves: Leaves) -> set[bytes]:
    return {each for _, leaf in leaves for each in named_in(leaf)[1]}


def _until(call: Call) -> int:
    until = call.query.get(UNTIL)
    return until if isinstance(until, int) else sys.maxsize


def named_in(leaf: bytes) -> tuple[set[bytes], set[bytes]]:
    """Gives the ids that a leaf is about, those of a payment's transfers too, and those of its platform and people."""
    kind, fields = decode(leaf)
    ids = {name: value for name, value in fields.items() if isinstance(value, bytes) and len(value) == ID_BYTES}
    called = {value for name, value in ids.items() if name.endswith(NOT_FOLLOWED)}
    about = set(ids.values()) - called
    platform, payment = ids.get("tenant_id"), ids.get("instruction_id")
    if kind == INSTRUCTION and platform and payment:
        about |= {external_id(domain, platform, show(payment)) for domain in TRANSFERS_OF_PAYMENT}
    return about, called
