"""Puts the service together: the one place where ports meet adapters."""

import asyncio
from dataclasses import dataclass

from ringfence_kernel.rpc.tokens import TokenVerifier
from ringfence_kernel.service import (
    Assembly,
    EventSourced,
    RebuildReport,
    Runtime,
    Service,
    Servicer,
    Task,
    migrator,
    opened_store,
    when_possible,
)
from ringfence_kernel.telemetry import logs
from ringfence_kernel.writing.writer import GroupWriter
from ringfence_protos.identity.v1 import identity_pb2_grpc

from ringfence_identity.adapters import schema
from ringfence_identity.adapters.bootstrap_file import read_first_principals
from ringfence_identity.adapters.client_issuer import VaultClientIssuer
from ringfence_identity.adapters.key_table import KeyTable
from ringfence_identity.adapters.rebuild import rebuild
from ringfence_identity.adapters.subject_keys import VaultSubjectKeys
from ringfence_identity.adapters.token_keys import TokenKeys
from ringfence_identity.adapters.token_reader import VerifiedTokenReader
from ringfence_identity.api.party_servicer import PartyServicer
from ringfence_identity.api.token_servicer import TokenServicer
from ringfence_identity.application.aliases import AliasCommands
from ringfence_identity.application.data_keys import DataKeyQueries
from ringfence_identity.application.memory import Memory, event_codec
from ringfence_identity.application.parties import PartyCommands, key_forgetter
from ringfence_identity.application.principals import PrincipalCommands
from ringfence_identity.application.tokens import TokenCommands
from ringfence_identity.settings import IdentitySettings

_LOG = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class _Core:
    """The store, the state in memory and the keys, ready to serve."""

    events: EventSourced
    memory: Memory
    token_keys: TokenKeys
    subject_keys: VaultSubjectKeys


async def assemble(runtime: Runtime[IdentitySettings]) -> Assembly:
    """Rebuilds the state, destroys erased subjects' keys again, registers the first principals, and wires servicers."""
    core = await _core(runtime)
    principals = PrincipalCommands(core.events.writer, core.memory.state)
    await _register_first(runtime.settings, core.events.writer, principals)
    return Assembly(
        servicers=[*_servicers(runtime, core, principals), core.events.feed()],
        tasks=[*core.events.tasks(), Task("token-keys", core.token_keys.run)],
        checks=[core.events.check()],
        token_keys=core.token_keys.local,
    )


async def _core(runtime: Runtime[IdentitySettings]) -> _Core:
    memory = Memory()
    events = await EventSourced.open(runtime, event_codec(), memory)
    table = KeyTable(events.store)
    erased = [party.id for party in memory.state.parties.values() if party.erased]
    destroyed = await when_possible(lambda: asyncio.to_thread(table.destroy, erased))
    _LOG.info("keys_destroyed_again", count=destroyed)
    token_keys = TokenKeys(runtime.vault.transit)
    await when_possible(token_keys.refresh)
    subject_keys = VaultSubjectKeys(table, runtime.vault.transit)
    events.writer.subscribe(key_forgetter(subject_keys))
    return _Core(events, memory, token_keys, subject_keys)


def _servicers(runtime: Runtime[IdentitySettings], core: _Core, principals: PrincipalCommands) -> tuple[Servicer, ...]:
    settings, state = runtime.settings, core.memory.state
    verifier = TokenVerifier(core.token_keys.local, settings.token_issuer, settings.token_audience, runtime.clock)
    tokens = TokenCommands(
        writer=core.events.writer,
        state=state,
        clock=runtime.clock,
        signer=core.token_keys,
        reader=VerifiedTokenReader(verifier),
        certificates=VaultClientIssuer(runtime.vault.pki, settings.trust_domain),
        issuer=settings.token_issuer,
    )
    parties = PartyServicer(
        PartyCommands(core.events.writer, state, core.subject_keys),
        AliasCommands(core.events.writer, state, core.subject_keys),
        DataKeyQueries(state, core.subject_keys),
    )
    return (
        Servicer(
            identity_pb2_grpc.add_TokenServiceServicer_to_server,
            TokenServicer(tokens, principals, core.token_keys),
            "ringfence.identity.v1.TokenService",
        ),
        Servicer(identity_pb2_grpc.add_PartyServiceServicer_to_server, parties, "ringfence.identity.v1.PartyService"),
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


def verify(settings: IdentitySettings, compare: bool) -> RebuildReport:
    """Builds the state from events alone; with `compare` checks it against the stored digest and the key table."""
    with opened_store(settings) as store:
        return rebuild(store, compare=compare)


SERVICE = Service(
    name="identity",
    settings=IdentitySettings,
    assemble=assemble,
    migrate=migrator(schema.migrations),
    rebuild=verify,
)
