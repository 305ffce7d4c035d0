"""Puts the service together: the one place where ports meet adapters."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from ringfence_kernel import logs
from ringfence_kernel.errors import DomainError, StoreUnavailable
from ringfence_kernel.feed import FeedServicer, Publisher
from ringfence_kernel.rpc.tokens import TokenVerifier
from ringfence_kernel.service import Assembly, Check, RebuildReport, Runtime, Service, Servicer, Task, hear
from ringfence_kernel.settings import MigrationSettings
from ringfence_kernel.store import EventStore, apply_migrations
from ringfence_kernel.vault import VaultUnavailable
from ringfence_kernel.writer import GroupWriter
from ringfence_protos.common.v1 import feed_pb2_grpc
from ringfence_protos.identity.v1 import identity_pb2_grpc

from ringfence_identity.adapters import rebuild, schema
from ringfence_identity.adapters.bootstrap_file import read_first_principals
from ringfence_identity.adapters.client_issuer import VaultClientIssuer
from ringfence_identity.adapters.digests import keep_digests
from ringfence_identity.adapters.key_table import KeyTable
from ringfence_identity.adapters.subject_keys import VaultSubjectKeys
from ringfence_identity.adapters.token_keys import TokenKeys
from ringfence_identity.adapters.token_reader import VerifiedTokenReader
from ringfence_identity.api.party_servicer import PartyServicer
from ringfence_identity.api.token_servicer import TokenServicer
from ringfence_identity.application.aliases import AliasCommands
from ringfence_identity.application.data_keys import DataKeyQueries
from ringfence_identity.application.memory import Memory, event_codec
from ringfence_identity.application.parties import PartyCommands
from ringfence_identity.application.principals import PrincipalCommands
from ringfence_identity.application.tokens import TokenCommands
from ringfence_identity.settings import IdentitySettings

_LOG = logs.get(__name__)
_RETRY_SECONDS = 1.0

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class _Core:
    """The store, the state in memory and the keys, ready to serve."""

    store: EventStore
    writer: GroupWriter
    memory: Memory
    token_keys: TokenKeys
    subject_keys: VaultSubjectKeys


async def assemble(runtime: Runtime[IdentitySettings]) -> Assembly:
    """Rebuilds the state, destroys erased subjects' keys again, registers the first principals, and wires servicers."""
    core = await _core(runtime)
    runtime.resources.push_async_callback(_save_digest, core.writer)
    principals = PrincipalCommands(core.writer, core.memory.state)
    await _register_first(runtime.settings, core.writer, principals)
    doorbell = runtime.doorbell()
    publisher = Publisher(doorbell, core.store)
    core.writer.subscribe(lambda recorded: publisher.ring())
    return Assembly(
        servicers=_servicers(runtime, core, principals),
        tasks=[
            Task("writer", core.writer.run, critical=True),
            Task("token-keys", core.token_keys.run),
            Task("digests", lambda: keep_digests(core.writer)),
            Task("notifications", publisher.run),
            hear(doorbell, {}),
        ],
        checks=[Check("database", _database_probe(core.store))],
        token_keys=core.token_keys.local,
    )


async def _core(runtime: Runtime[IdentitySettings]) -> _Core:
    store = EventStore(runtime.settings.database_conninfo())
    runtime.resources.callback(store.close)
    memory = Memory()
    writer = GroupWriter(store, event_codec(), memory, runtime.clock)
    events = await _awaited(lambda: asyncio.to_thread(writer.load))
    table = KeyTable(store)
    erased = [party.id for party in memory.state.parties.values() if party.erased]
    destroyed = await _awaited(lambda: asyncio.to_thread(table.destroy, erased))
    _LOG.info("state_loaded", events=events, keys_destroyed_again=destroyed)
    token_keys = TokenKeys(runtime.vault.transit)
    await _awaited(token_keys.refresh)
    subject_keys = VaultSubjectKeys(table, runtime.vault.transit)
    # From here on IBANs are resolved while Vault is sealed, too.
    await _awaited(subject_keys.blind_index_key)
    return _Core(store, writer, memory, token_keys, subject_keys)


def _servicers(runtime: Runtime[IdentitySettings], core: _Core, principals: PrincipalCommands) -> tuple[Servicer, ...]:
    settings, state = runtime.settings, core.memory.state
    verifier = TokenVerifier(core.token_keys.local, settings.token_issuer, settings.token_audience, runtime.clock)
    tokens = TokenCommands(
        writer=core.writer,
        state=state,
        clock=runtime.clock,
        signer=core.token_keys,
        reader=VerifiedTokenReader(verifier),
        certificates=VaultClientIssuer(runtime.vault.pki, settings.trust_domain),
        issuer=settings.token_issuer,
    )
    parties = PartyServicer(
        PartyCommands(core.writer, state, core.subject_keys),
        AliasCommands(core.writer, state, core.subject_keys),
        DataKeyQueries(state, core.subject_keys),
    )
    return (
        Servicer(
            identity_pb2_grpc.add_TokenServiceServicer_to_server,
            TokenServicer(tokens, principals, core.token_keys),
            "ringfence.identity.v1.TokenService",
        ),
        Servicer(identity_pb2_grpc.add_PartyServiceServicer_to_server, parties, "ringfence.identity.v1.PartyService"),
        Servicer(
            feed_pb2_grpc.add_FeedServiceServicer_to_server,
            FeedServicer("identity", core.store),
            "ringfence.common.v1.FeedService",
        ),
    )


async def _register_first(settings: IdentitySettings, writer: GroupWriter, principals: PrincipalCommands) -> None:
    """Registers the principals of the bootstrap file while there are none; the writer runs for just that long."""
    if settings.bootstrap_principals_file is None or principals.state.principals:
        return
    first = read_first_principals(settings.bootstrap_principals_file)
    running = asyncio.create_task(writer.run())
    try:
        count = await principals.bootstrap(first)
    finally:
        running.cancel()
        await asyncio.wait({running})
    _LOG.info("first_principals_registered", count=count)


async def _awaited(step: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Takes a step of the start-up as soon as the database and Vault can be reached."""
    while True:
        try:
            return await step()
        except (StoreUnavailable, VaultUnavailable) as error:
            _LOG.warning("start_waits", reason=error.reason)
            await asyncio.sleep(_RETRY_SECONDS)


async def _save_digest(writer: GroupWriter) -> None:
    """Stores a last digest when the writer has stopped; without a database the one before has to do."""
    try:
        await writer.save_digest()
    except StoreUnavailable as error:
        _LOG.warning("digest_not_stored", reason=error.reason)


def _database_probe(store: EventStore) -> Callable[[], Awaitable[str | None]]:
    async def probe() -> str | None:
        try:
            await asyncio.to_thread(store.head)
        except DomainError as error:
            return error.reason
        return None

    return probe


def migrate(settings: MigrationSettings) -> None:
    """Brings the database up to date, as its owner."""
    applied = apply_migrations(settings.conninfo(), settings.application_role(), schema.migrations())
    _LOG.info("migrated", applied=applied)


def verify(settings: IdentitySettings, compare: bool) -> RebuildReport:
    """Builds the state from events alone; with `compare` checks it against the stored digest and the key table."""
    store = EventStore(settings.database_conninfo())
    try:
        return rebuild.rebuild(store, compare=compare)
    finally:
        store.close()


SERVICE = Service(name="identity", settings=IdentitySettings, assemble=assemble, migrate=migrate, rebuild=verify)
