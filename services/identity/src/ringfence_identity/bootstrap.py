"""Puts the service together: the one place where ports meet adapters, and modules their siblings."""

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.standing import Standing
from ringfence_kernel.access.tokens import TokenVerifier
from ringfence_kernel.calendars.following import CURSOR as DAYS_CURSOR
from ringfence_kernel.calendars.following import take_over_days
from ringfence_kernel.feed import FOR_THE_RECORD
from ringfence_kernel.proposals.api import servicer as proposal_servicer
from ringfence_kernel.rpc.joining import joined
from ringfence_kernel.service import (
    Assembly,
    Command,
    EventSourced,
    RebuildReport,
    Runtime,
    Service,
    Servicer,
    Task,
    follow,
    opened_store,
    replay_into,
    when_possible,
)
from ringfence_kernel.service import rebuild as rebuild_state
from ringfence_kernel.store import EventStore, Head, load_cursor
from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.clock import Clock
from ringfence_kernel.writing.looking_up import Knowing, LookUps
from ringfence_protos.identity.v1 import identity_pb2_grpc as rpc

from ringfence_identity.aliases.adapters import CustodyAccounts
from ringfence_identity.aliases.api import AliasApi
from ringfence_identity.aliases.application.changing import AliasChanging
from ringfence_identity.aliases.application.commands import AliasCommands
from ringfence_identity.aliases.application.confirming import AliasConfirming
from ringfence_identity.aliases.application.ibans import index_of
from ringfence_identity.aliases.application.two_people import AliasActs
from ringfence_identity.data_keys.adapters.checking import wrong_keys
from ringfence_identity.data_keys.adapters.key_table import KeyTable
from ringfence_identity.data_keys.adapters.subject_keys import VaultSubjectKeys
from ringfence_identity.data_keys.api import DataKeyApi
from ringfence_identity.data_keys.application import DataKeyQueries
from ringfence_identity.disclosure import module as disclosure
from ringfence_identity.disclosure.adapters.mark_table import forget_marks, stray_marks
from ringfence_identity.migrations import migrations
from ringfence_identity.modules import Modules, event_codec
from ringfence_identity.parties.adapters.bucket_lock import BucketLock
from ringfence_identity.parties.adapters.decisions_model import DecisionsModel
from ringfence_identity.parties.adapters.decisions_reader import DecisionsReader
from ringfence_identity.parties.adapters.erasure_register import ObjectRegister
from ringfence_identity.parties.adapters.neighbours import PeerNeighbours
from ringfence_identity.parties.adapters.register_mark import StoredMark
from ringfence_identity.parties.adapters.restoring import Restoring, arguments, restored
from ringfence_identity.parties.adapters.retention import read_retention
from ringfence_identity.parties.adapters.signed_log import SignedLog
from ringfence_identity.parties.adapters.stored_personal import StoredPersonal
from ringfence_identity.parties.api import PartyApi
from ringfence_identity.parties.application.commands import PartyCommands, key_forgetter
from ringfence_identity.parties.application.erasing import Erasing, ErasingProposals, ErasurePorts
from ringfence_identity.parties.application.holding import LegalHolds
from ringfence_identity.parties.application.ports import Kept
from ringfence_identity.parties.application.reading import PartyReading, RegisteredNames
from ringfence_identity.parties.application.releases import release_effect
from ringfence_identity.parties.domain.errors import (
    ErasureRegisterUnavailable,
    ErasureRegisterUnlocked,
    ErasureRegisterWrong,
)
from ringfence_identity.principals.adapters import read_first_principals
from ringfence_identity.principals.api import PrincipalApi
from ringfence_identity.principals.application.acts import PrincipalActs
from ringfence_identity.principals.application.commands import PrincipalCommands
from ringfence_identity.principals.application.granting import GrantActs, GrantCommands
from ringfence_identity.principals.application.measures import measure as measure_operators
from ringfence_identity.principals.domain.principals import FirstPrincipal
from ringfence_identity.settings import IdentitySettings
from ringfence_identity.tokens.adapters.authorisations_model import AuthorisationsModel
from ringfence_identity.tokens.adapters.authorisations_reader import AuthorisationsReader
from ringfence_identity.tokens.adapters.client_issuer import VaultClientIssuer
from ringfence_identity.tokens.adapters.statements import read_statements
from ringfence_identity.tokens.adapters.token_keys import TokenKeys
from ringfence_identity.tokens.adapters.token_reader import VerifiedTokenReader
from ringfence_identity.tokens.api import TokenApi
from ringfence_identity.tokens.application.access import AccessCommands
from ringfence_identity.tokens.application.authorisations import AuthorisationCommands
from ringfence_identity.tokens.application.declared import Declared
from ringfence_identity.tokens.application.enrolment import EnrolmentCommands
from ringfence_identity.tokens.application.measures import measure as measure_certificates
from ringfence_identity.tokens.domain.holders import TokenHolder

_LOG = logs.get(__name__)

REGISTER_SECONDS, LOCK_SECONDS = 1.0, 3.0
"""Between two looks at the register, and how long a bucket may take to say how it keeps objects."""
MODELS = (AuthorisationsModel(), DecisionsModel())
"""Tables that decisions consult, written with their events."""


@dataclass(frozen=True, slots=True)
class _Core:
    """The store, the state in memory and the keys, ready to serve."""

    events: EventSourced
    modules: Modules
    token_keys: TokenKeys
    subject_keys: VaultSubjectKeys
    key_table: KeyTable
    proposals: ErasingProposals

    async def destroy_again(self) -> None:
        """Destroys the keys of everybody who is erased, and holds none from before: a restored table has them again.

        Of erasures under another leader this process has not heard.
        """
        self.subject_keys.forget_all()
        erased = list(self.modules.party_queries.erased_ids())
        destroyed = await asyncio.to_thread(self.key_table.destroy, erased)
        _LOG.info("keys_destroyed_again", count=destroyed)


async def assemble(runtime: Runtime[IdentitySettings]) -> Assembly:
    """Rebuilds the state and wires servicers.

    Whoever begins to lead destroys erased subjects' keys again, and registers the first principals.
    """
    core = await _core(runtime)
    principals = PrincipalCommands(
        core.events.writer, core.modules.principals, core.modules.party_queries, core.proposals
    )
    parties, erasing, marking = _party_service(runtime, core)
    leadership = core.events.leadership()
    # A standby does not hear of a rotation, and a key that is not published makes a good token a forged one.
    leadership.begin_with(core.token_keys.refresh_if_possible)
    leadership.begin_with(partial(replay_erasures, erasing, runtime.settings))
    leadership.begin_with(core.destroy_again)
    leadership.begin_with(partial(_register, principals, _first_principals(runtime.settings, principals)))
    days = runtime.follower(
        "custody", take_over_days(core.events.writer), await _days_cursor(core.events.store), looking=FOR_THE_RECORD
    )
    following, follows = follow(days, lambda: _days_cursor(core.events.store))
    writer, modules = core.events.writer, core.modules
    measure_operators(runtime.gauges, leadership, writer, modules.principals, runtime.clock)
    measure_certificates(runtime.gauges, leadership, writer, modules.tokens, modules.principal_queries, runtime.clock)
    return Assembly(
        servicers=[
            _token_service(runtime, core, principals),
            parties,
            proposal_servicer(core.proposals),
            core.events.feed(leadership),
        ],
        tasks=[
            *core.events.tasks(),
            Task("token-keys", core.token_keys.run),
            marking,
            following,
            *_lock_tasks(runtime.settings),
        ],
        everywhere=[runtime.warm(days)],
        checks=[*core.events.checks(), *follows],
        token_keys=core.token_keys.local,
        standing=Standing(core.modules.principals.is_suspended, core.proposals.has_ended),
        leadership=leadership,
    )


async def _days_cursor(store: EventStore) -> Head:
    """Returns how far this service has followed custody's days."""
    return await when_possible(lambda: asyncio.to_thread(load_cursor, store, DAYS_CURSOR))


def _has_ended(modules: Modules, clock: Clock, caller: Caller) -> bool:
    """Tells whether a principal's token has ended."""
    if not caller.token or caller.service is not None:
        return False
    held = caller.certificate_sha256, caller.identity_position
    return modules.tokens.has_ended(TokenHolder(caller.subject, caller.tenant, caller.scopes, *held), clock.now_ns())


async def _core(runtime: Runtime[IdentitySettings]) -> _Core:
    modules = Modules()
    events = await EventSourced.open(runtime, event_codec(), modules.states(), inline=MODELS)
    table = KeyTable(events.store, forget_marks)
    token_keys = TokenKeys(runtime.vault.transit)
    await when_possible(token_keys.refresh)
    subject_keys = VaultSubjectKeys(table, runtime.vault.transit)
    events.writer.subscribe(key_forgetter(subject_keys))
    acts = PrincipalActs(modules.principals, modules.party_queries)
    proposals = ErasingProposals(
        events.writer,
        modules.proposals,
        acts.may_act,
        partial(_has_ended, modules, runtime.clock),
    )
    grants = GrantActs(modules.principals)
    proposals.register([*acts.effects(), *grants.effects(), release_effect(modules.parties, modules.principal_queries)])
    return _Core(events, modules, token_keys, subject_keys, table, proposals)


def _token_service(runtime: Runtime[IdentitySettings], core: _Core, principals: PrincipalCommands) -> Servicer:
    settings, clock, writer, modules = runtime.settings, runtime.clock, core.events.writer, core.modules
    state, issuer, ask = modules.tokens, settings.token_issuer, modules.principal_queries
    reader = VerifiedTokenReader(TokenVerifier(core.token_keys.local, issuer, settings.token_audience, clock))
    table = LookUps(AuthorisationsReader(core.events.store).read)
    authorised = Knowing(writer, state.authorisations, table)
    declared = Declared(state, ask, read_statements(settings.pin_statements_file))
    client_issuer = VaultClientIssuer(runtime.vault.pki, settings.trust_domain)
    api = TokenApi(
        AccessCommands(writer, state, ask, clock, declared, core.token_keys, issuer),
        EnrolmentCommands(writer, state, ask, clock, declared, client_issuer),
        AuthorisationCommands(state, ask, modules.alias_queries, clock, core.token_keys, reader, authorised, issuer),
        core.token_keys,
    )
    return Servicer(
        rpc.add_TokenServiceServicer_to_server,
        joined(
            rpc.TokenServiceServicer,
            api,
            PrincipalApi(principals, GrantCommands(writer, modules.principals, core.proposals)),
        ),
        "ringfence.identity.v1.TokenService",
    )


def _party_service(runtime: Runtime[IdentitySettings], core: _Core) -> tuple[Servicer, Erasing, Task]:
    writer, modules, keys = core.events.writer, core.modules, core.subject_keys
    principals, ask = modules.principal_queries, modules.party_queries
    acts = AliasActs(modules.aliases, principals, core.proposals)
    aliases = AliasCommands(
        writer, modules.aliases, principals, ask, keys, CustodyAccounts(runtime.peer("custody")), acts
    )
    decisions = Knowing(writer, modules.parties.kyc_decisions, LookUps(DecisionsReader(core.events.store).read))
    stored = StoredPersonal(core.events.store, event_codec())
    reading = PartyReading(writer, modules.parties, keys, stored)
    names = RegisteredNames(principals, reading)
    holds = LegalHolds(writer, modules.parties, principals, core.proposals)
    erasing = _erasing(runtime, core, aliases, stored)
    core.proposals.register([*acts.effects(), *holds.effects(), *erasing.effects()])
    commands = PartyCommands(writer, modules.parties, principals, keys, decisions, core.proposals)
    disclosed, marking = disclosure.served(
        core.events.store, event_codec(), writer, modules.alias_queries, ask, keys, reading, index_of
    )
    servicer = joined(
        rpc.PartyServiceServicer,
        PartyApi(commands, reading, names, holds, erasing),
        AliasApi(
            aliases,
            AliasConfirming(writer, modules.aliases, keys, names, acts),
            AliasChanging(writer, principals, ask, keys, acts),
        ),
        DataKeyApi(DataKeyQueries(ask, principals, keys)),
        disclosed,
    )
    served = Servicer(rpc.add_PartyServiceServicer_to_server, servicer, "ringfence.identity.v1.PartyService")
    return served, erasing, marking


def _erasing(
    runtime: Runtime[IdentitySettings], core: _Core, aliases: AliasCommands, stored: StoredPersonal
) -> Erasing:
    settings, modules = runtime.settings, core.modules
    ports = ErasurePorts(
        neighbours=PeerNeighbours(runtime.peer("custody"), runtime.peer("payment-instruction")),
        lifetimes=stored,
        register=ObjectRegister(settings.register()()),
        log=SignedLog(runtime.peer("audit"), core.events.store),
        mark=StoredMark(core.events.store),
        retention=read_retention(settings.retention_file),
        clock=runtime.clock,
    )
    erasing = Erasing(
        core.events.writer,
        modules.parties,
        modules.principal_queries,
        core.subject_keys,
        aliases,
        core.proposals,
        ports,
    )
    core.proposals.erasing = erasing
    return erasing


async def replay_erasures(erasing: Erasing, settings: IdentitySettings) -> None:
    """Erases again whom a restore has brought back: nobody is answered before the register could be read."""
    while True:
        try:
            if settings.register_lock == "required":
                await look_at_lock(settings)
            await erasing.replay()
        except (ErasureRegisterUnavailable, ErasureRegisterWrong, ErasureRegisterUnlocked) as error:
            _LOG.warning("start_waits", reason=error.reason)
            await asyncio.sleep(REGISTER_SECONDS)
        else:
            return


def _lock_tasks(settings: IdentitySettings) -> list[Task]:
    """Gives what says so beside a term: a bucket that is only warned of keeps nobody from leading, nor for a moment."""
    if settings.register_lock == "required":
        return []
    return [Task("register-lock", partial(look_at_lock, settings), vital=False)]


async def look_at_lock(settings: IdentitySettings) -> None:
    """Says how a bucket keeps the erased; raises ErasureRegisterUnlocked where it must lock them and may not."""
    lock = bucket_lock(settings)
    if lock is None:
        return
    try:
        kept = await asyncio.wait_for(asyncio.to_thread(lock.kept), LOCK_SECONDS)
    except TimeoutError:
        kept = Kept.UNKNOWN
    if kept is Kept.LOCKED:
        _LOG.info("register_locked", bucket=lock.bucket)
    elif settings.register_lock == "required":
        raise ErasureRegisterUnlocked
    else:
        _LOG.warning("register_not_locked", bucket=lock.bucket, kept=kept)


def bucket_lock(settings: IdentitySettings) -> BucketLock | None:
    """Returns what asks the bucket how it keeps objects, None for a folder."""
    if settings.register_bucket is None or settings.register_key_id is None or settings.register_key is None:
        return None
    return BucketLock(
        endpoint=settings.endpoint(),
        bucket=settings.register_bucket,
        region=settings.register_region,
        key_id=settings.register_key_id,
        key=settings.register_key.reveal(),
        ca_file=settings.register_ca_file,
    )


def _first_principals(settings: IdentitySettings, principals: PrincipalCommands) -> list[FirstPrincipal]:
    """Returns those of the bootstrap file while there are none; raises InvalidSetting."""
    if settings.bootstrap_principals_file is None or principals.state.principals:
        return []
    return read_first_principals(settings.bootstrap_principals_file)


async def _register(principals: PrincipalCommands, first: Sequence[FirstPrincipal]) -> None:
    """Registers the first principals, where nobody else has meanwhile."""
    if first and not principals.state.principals:
        count = await principals.bootstrap(first)
        _LOG.info("first_principals_registered", count=count)


def verify(settings: IdentitySettings, compare: bool) -> RebuildReport:
    """Verifies the chain and builds state and tables from events alone; with `compare` counts what differs.

    `data_keys` counts erased parties whose key is still there, and living ones whose key is not, `party_marks` what
    those are found by whose key is destroyed.
    """
    modules = Modules()
    with opened_store(settings) as store:
        report = rebuild_state(store, event_codec(), modules.states(), MODELS, compare=compare)
        if not compare:
            return report
        data_keys = wrong_keys(KeyTable(store), modules.party_queries)
        differences = {"data_keys": data_keys, "party_marks": stray_marks(store)}
        return replace(report, differences=dict(report.differences) | differences)


def restore_register(settings: IdentitySettings, typed: argparse.Namespace) -> Mapping[str, object]:
    """Fills an empty register of the erased with whom the audit log's leaves name; raises CannotRun."""
    modules = Modules()
    with opened_store(settings) as store:
        replay_into(store, event_codec(), modules.states())
        restoring = Restoring(
            register=ObjectRegister(settings.register()()),
            mark=StoredMark(store),
            subject_of=lambda tenant, party, taken: modules.parties.subject_of(tenant, party, taken=taken),
            ibans_of=lambda subject: chain(modules.aliases.held_by(subject), modules.aliases.kept_of(subject)),
        )
        return restored(restoring, typed)


SERVICE = Service(
    name="identity",
    settings=IdentitySettings,
    assemble=assemble,
    migrations=migrations,
    rebuild=verify,
    commands={
        "restore-register": Command(
            help="fill a new register of the erased from the audit log's leaves, where the old one is lost",
            run=restore_register,
            arguments=arguments,
        )
    },
)
