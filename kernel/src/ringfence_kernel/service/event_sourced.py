"""What every event-sourced service has: its store, its writer, its feed, and what it left behind to compare with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import psycopg
from ringfence_protos.common.v1 import feed_pb2_grpc

from ringfence_kernel.feed import Doorbell, FeedServicer, Publisher
from ringfence_kernel.projecting.projector import Projector, ReadModel, fill
from ringfence_kernel.rpc.health import Check
from ringfence_kernel.rpc.quotas import owner_of
from ringfence_kernel.rpc.server import Servicer
from ringfence_kernel.service.counting import CountingWriter, EventsQuota, Owner
from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.runtime import Runtime, hear
from ringfence_kernel.service.settings import Settings
from ringfence_kernel.service.tasks import Task
from ringfence_kernel.service.two_clocks import ClockWatch
from ringfence_kernel.store import EventStore, Head, Lease
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.store.digests import SAVE as SAVE_DIGEST
from ringfence_kernel.store.digests import insert_digest
from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.errors import DomainError, StoreUnavailable
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.vault import VaultUnavailable
from ringfence_kernel.writing.inline import InlineModel
from ringfence_kernel.writing.snapshots import SavedState, SnapshotFile, Snapshots
from ringfence_kernel.writing.writer import GroupWriter, State, Unit

SettingsT = TypeVar("SettingsT", bound=Settings)
ResultT = TypeVar("ResultT")

POSITION = "ringfence.feed.position"
DIGEST_PAUSE_SECONDS = 5.0
DIGEST_SHARE_OF_TIME = 0.01
_RETRY_SECONDS = 1.0

_LOG = logs.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSourced:
    """A service's store, loaded state and feed; `projectors` stand by the name of their read model."""

    name: str
    conninfo: str = field(repr=False)
    store: EventStore
    writer: GroupWriter
    projectors: Mapping[str, Projector]
    doorbell: Doorbell
    publisher: Publisher
    watch: ClockWatch
    background: Sequence[Task] = ()

    @classmethod
    async def open(
        cls,
        runtime: Runtime[SettingsT],
        codec: EventCodec,
        state: State,
        models: Sequence[ReadModel] = (),
        *,
        inline: Sequence[InlineModel] = (),
        store: EventStore | None = None,
        owner: Owner = owner_of,
    ) -> EventSourced:
        """Connects, builds the state from its snapshot and the events since, and wires the rings.

        Waits until the database can be reached. A state that can be saved is, where the settings name a directory. The
        tables of `inline` models are filled up to the head first, and from then on written with the events. A `store`
        is given where the state itself reads from it. `owner` tells to whose quota of events a caller counts.
        """
        conninfo = runtime.settings.database_conninfo()
        store = store or EventStore(conninfo)
        runtime.resources.push_async_callback(asyncio.to_thread, store.close)
        quota = EventsQuota(runtime.settings.tenant_events_per_hour, owner)
        writer = CountingWriter(store, codec, state, runtime.clock, inline, quota=quota)
        started = time.monotonic()
        for model in inline:
            await when_possible(partial(asyncio.to_thread, fill, store, codec, model))
        background = await _snapshots(runtime, writer, state)
        events = await when_possible(lambda: asyncio.to_thread(writer.load))
        _LOG.info("state_loaded", events=events, seconds=round(time.monotonic() - started, 3))
        runtime.resources.push_async_callback(_save_last_digest, writer)
        runtime.gauges.observe(
            POSITION,
            "{event}",
            "Position of the last event in this service's feed.",
            lambda: [(writer.head.position, {})],
        )
        doorbell, turn = runtime.doorbell(), asyncio.Lock()
        core = cls(
            name=runtime.settings.service,
            conninfo=conninfo,
            store=store,
            writer=writer,
            projectors={model.name: Projector(store, codec, model, turn=turn) for model in models},
            doorbell=doorbell,
            publisher=Publisher(doorbell, store),
            watch=ClockWatch(writer),
            background=background,
        )
        writer.subscribe(core._ring)
        return core

    def _ring(self, recorded: list[Recorded]) -> None:
        self.publisher.ring(self.writer.head, recorded)
        for projector in self.projectors.values():
            projector.ring()

    def tasks(self, rings: Mapping[str, Callable[[], None]] | None = None) -> list[Task]:
        """Returns the tasks of writer, read models, digests and news; `rings` calls followers by their source."""
        return [
            Task("writer", self.writer.run, critical=True),
            Task("digests", lambda: keep_digests(self.writer), vital=False),
            Task("notifications", self.publisher.run, vital=False),
            hear(self.doorbell, rings or {}),
            *self.background,
            *(Task(f"projection-{name}", projector.run) for name, projector in self.projectors.items()),
        ]

    def checks(self) -> list[Check]:
        """Returns the checks that database and NATS answer, that both clocks agree, and that writing goes on."""

        async def probe() -> str | None:
            try:
                await self.watch.ask()
            except DomainError as error:
                return error.reason
            return None

        async def writing() -> str | None:
            return self.writer.progress.problem()

        async def connected() -> str | None:
            return None if self.doorbell.connected else "NATS is away"

        return [
            Check("database", probe),
            Check("clock", self.watch.problem),
            Check("writing", writing),
            # Without it everything goes on, only later: sources are looked at by the clock.
            Check("nats", connected, serves_on=True),
        ]

    def feed(self, leadership: Leadership) -> Servicer:
        """Returns the servicer of this service's feed."""

        def committed() -> Head | None:
            return self.writer.head if leadership.is_leading else None

        return Servicer(
            feed_pb2_grpc.add_FeedServiceServicer_to_server,
            FeedServicer(self.name, self.store, committed),
            "ringfence.common.v1.FeedService",
            by_standby=True,
        )

    def leadership(self) -> Leadership:
        """Returns what lets other processes of the service stand by on the same database."""
        return Leadership(Lease(self.conninfo), self.writer, lambda: self.watch.agrees)


async def _snapshots(runtime: Runtime[SettingsT], writer: GroupWriter, state: State) -> list[Task]:
    """Restores a state that can be saved; returns the task that goes on saving it."""
    settings = runtime.settings
    if settings.snapshot_directory is None or not isinstance(state, SavedState):
        return []
    snapshots = Snapshots(SnapshotFile(settings.snapshot_directory, settings.service), writer, state)
    await when_possible(lambda: asyncio.to_thread(snapshots.restore, writer.store))
    runtime.resources.push_async_callback(snapshots.save_last)
    return [Task("snapshots", lambda: snapshots.keep(settings.snapshot_seconds), vital=False)]


async def when_possible(step: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Takes a step of the start-up as soon as the database and Vault can be reached."""
    while True:
        try:
            return await step()
        except (StoreUnavailable, VaultUnavailable) as error:
            _LOG.warning("start_waits", reason=error.reason)
            await asyncio.sleep(_RETRY_SECONDS)


async def keep_digests(writer: GroupWriter) -> None:
    """Stores a digest of the state whenever there is news, and spends at most a hundredth of the time on it."""
    last_position, pause = 0, DIGEST_PAUSE_SECONDS
    while True:
        await asyncio.sleep(pause)
        if writer.head.position == last_position:
            continue
        try:
            last_position, spent_seconds = await writer.commit(lambda unit: store_digest(writer, unit))
        except DomainError as error:
            _LOG.warning("digest_not_stored", reason=error.reason)
            continue
        pause = max(DIGEST_PAUSE_SECONDS, spent_seconds / DIGEST_SHARE_OF_TIME)


def store_digest(writer: GroupWriter, unit: Unit) -> tuple[int, float]:
    """Stores the digest of everything decided so far, in the commit that makes it durable.

    Returns the position that it is for, and the seconds spent; position 0 when commands of the group have changed the
    state and record it only at the end.
    """
    if unit.closing:
        return 0, 0.0
    started = time.monotonic()
    position, state = writer.head.position + len(unit.events), writer.state
    row = position, state.digest(), state.digest_format

    unit.commit_also(lambda connection: _insert_digest(connection, row))
    return position, time.monotonic() - started


async def save_digest(writer: GroupWriter) -> None:
    """Stores the digest of the state in memory, for a later rebuild to compare with; raises StoreUnavailable.

    Does nothing while a group is under way: the state is ahead of the store then, or not known to be equal.
    """
    if not writer.is_settled:
        return
    row = writer.head.position, writer.state.digest(), writer.state.digest_format
    await asyncio.to_thread(insert_digest, writer.store, row)


def _insert_digest(connection: psycopg.Connection[Any], row: tuple[int, bytes, int]) -> None:
    """Stores position, digest and its format."""
    connection.execute(SAVE_DIGEST, row)


async def _save_last_digest(writer: GroupWriter) -> None:
    """Stores a digest when the writer has stopped; without a database the one before has to do."""
    try:
        await save_digest(writer)
    except StoreUnavailable as error:
        _LOG.warning("digest_not_stored", reason=error.reason)
