"""What two operators do in identity: one proposes, another person confirms, and until then nothing has happened."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from ringfence_identity.batches import Answer
from ringfence_identity.bootstrap import MODELS
from ringfence_identity.migrations import migrations
from ringfence_identity.modules import Modules, event_codec
from ringfence_identity.principals.application.acts import PrincipalActs
from ringfence_identity.principals.application.commands import PrincipalCommands
from ringfence_identity.principals.domain.events import PrincipalRegistered
from ringfence_identity.principals.domain.principals import FirstPrincipal, NewPin, NewPrincipal
from ringfence_identity.principals.domain.roles import ROLE_OF_KIND, Kind
from ringfence_identity.principals.domain.state import Principal, Status
from ringfence_kernel.access.caller import Caller
from ringfence_kernel.proposals.application import Decision, Proposals, Verdict
from ringfence_kernel.proposals.domain.events import ProposalVoided, VoidReason
from ringfence_kernel.store import EventStore, apply_migrations
from ringfence_kernel.values.clock import DAY_NS, ManualClock
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing.writer import GroupWriter
from ringfence_local_stack.pytest_plugin import FilledDatabase
from ringfence_local_stack.servers.database import Database
from structlog.testing import capture_logs

from .conftest import START_NS
from .naming import a_key, numbered

ALICE, BOB, CAROL, PLATFORM = (numbered(each) for each in (1, 2, 3, 11))
NEW = numbered(99)


def new(kind: Kind = Kind.OPERATOR, **changes: Any) -> NewPrincipal:
    """Describes the principal that is proposed."""
    return NewPrincipal(
        **{"id": NEW, "kind": kind, "name": "somebody", "tenant": b"", "public_key": a_key(NEW), **changes}
    )


@dataclass
class People:
    """The commands about principals over a real store, with three operators."""

    store: EventStore
    clock: ManualClock
    modules: Modules
    writer: GroupWriter
    proposals: Proposals
    commands: PrincipalCommands

    def principal(self, principal: bytes = NEW) -> Principal | None:
        """Returns a principal, or None."""
        return self.modules.principals.principals.get(principal)

    def by(self, principal: bytes, **changes: Any) -> Caller:
        """Returns an operator with its own person, key and certificate."""
        known = self.principal(principal)
        assert known is not None
        digest = a_key(b"certificate" + principal)
        thumbprint = urlsafe_b64encode(digest).rstrip(b"=").decode()
        made = Caller(
            "spiffe://test/principal",
            None,
            principal,
            thumbprint,
            roles=frozenset({ROLE_OF_KIND[known.kind]}),
            person=known.person,
            key_sha256=a_key(b"key" + principal),
        )
        return replace(made, **changes)

    async def propose(self, described: NewPrincipal, by: bytes = ALICE) -> Answer:
        """Has a principal proposed."""
        (answer,) = await self.commands.register([described], self.by(by))
        return answer

    async def confirm(self, proposal: bytes, caller: Caller) -> str:
        """Has a proposal confirmed; returns the reason."""
        (reason,) = await self.proposals.decide([Decision(proposal, Verdict.CONFIRM)], caller)
        return reason

    async def registered(self, described: NewPrincipal) -> None:
        """Has a principal registered by two."""
        proposed = await self.propose(described)
        assert await self.confirm(proposed.proposal, self.by(BOB)) == ""

    def voided(self) -> list[VoidReason]:
        """Returns why proposals came to nothing, in order."""
        events = (each.event for each in self.store.replay(event_codec()))
        return [each.reason for each in events if isinstance(each, ProposalVoided)]


def migrate(database: Database) -> None:
    """Makes the service's tables, for clocks that move only when told."""
    apply_migrations(database.owner_conninfo, database.app_role, migrations())
    database.let_clocks_differ()


@pytest.fixture
async def people(filled_database: FilledDatabase) -> AsyncIterator[People]:
    """Three operators."""
    made = filled_database("identity", migrate)
    store, clock, modules = EventStore(made.app_conninfo), ManualClock(START_NS), Modules()
    writer = GroupWriter(store, event_codec(), modules.states(), clock, MODELS)
    writer.load()
    acts = PrincipalActs(modules.principals, modules.party_queries)
    proposals = Proposals(writer, modules.proposals, acts.may_act)
    proposals.register(acts.effects())
    task = asyncio.create_task(writer.run())
    commands = PrincipalCommands(writer, modules.principals, modules.party_queries, proposals)
    first = [
        NewPrincipal(each, Kind.OPERATOR, "operator", b"", a_key(each), certificate_sha256=a_key(each))
        for each in (ALICE, BOB, CAROL)
    ]
    await commands.bootstrap([FirstPrincipal(each, ("operator",)) for each in first])
    yield People(store, clock, modules, writer, proposals, commands)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    store.close()


@pytest.mark.parametrize("kind", list(Kind))
async def test_every_kind_of_principal_takes_two(people: People, kind: Kind) -> None:
    """One operator's word makes nobody anything, of whatever kind; a second person's does."""
    tenant = b""
    if kind in (Kind.PLATFORM_APPROVER, Kind.IMPORTER):
        await people.registered(NewPrincipal(PLATFORM, Kind.PLATFORM, "platform", b"", a_key(PLATFORM)))
        tenant = PLATFORM
    proposed = await people.propose(new(kind, tenant=tenant))
    assert proposed.reason == "APPROVAL_PENDING"
    assert people.principal() is None
    assert await people.propose(new(kind, tenant=tenant)) == proposed
    assert await people.confirm(proposed.proposal, people.by(ALICE)) == "SECOND_PERSON_REQUIRED"
    assert people.principal() is None
    assert await people.confirm(proposed.proposal, people.by(BOB)) == ""
    made = people.principal()
    assert made is not None
    assert (made.kind, made.status, made.tenant) == (
        kind,
        Status.ACTIVE,
        NEW if kind is Kind.PLATFORM else tenant or None,
    )
    assert await people.propose(new(kind, tenant=tenant), BOB) == Answer("")


@pytest.mark.parametrize("shared", ["key_sha256", "certificate_thumbprint", "person"])
async def test_a_hand_that_shares_anything_is_not_a_second_one(people: People, shared: str) -> None:
    """Another principal with the proposer's key, certificate or person is not another person."""
    proposed = await people.propose(new())
    half = people.by(BOB, **{shared: getattr(people.by(ALICE), shared)})
    assert await people.confirm(proposed.proposal, half) == "SECOND_PERSON_REQUIRED"
    assert people.principal() is None


async def test_two_principals_of_one_person_are_one(people: People) -> None:
    """Whoever has two principals proposes by one and cannot confirm by the other, nor a further one for themselves."""
    await people.registered(new(person=ALICE))
    proposed = await people.propose(new(id=numbered(100)))
    assert await people.confirm(proposed.proposal, people.by(NEW)) == "SECOND_PERSON_REQUIRED"
    own = await people.propose(new(id=numbered(101), person=ALICE), BOB)
    assert await people.confirm(own.proposal, people.by(NEW)) == "SECOND_PERSON_REQUIRED"
    assert await people.confirm(own.proposal, people.by(CAROL)) == ""


async def test_a_refused_proposal_is_void(people: People) -> None:
    """Suspending whom somebody proposed refuses it: a later confirmation makes nobody anything."""
    proposed = await people.propose(new())
    assert await people.commands.suspend([NEW], "I do not know this person", BOB) == [""]
    for confirmer in (ALICE, BOB, CAROL):
        assert await people.confirm(proposed.proposal, people.by(confirmer)) == "PROPOSAL_VOID"
    (answer,) = await people.commands.confirm([NEW], people.by(CAROL))
    assert answer.reason == "PRINCIPAL_NOT_FOUND"
    assert (people.principal(), people.voided()) == (None, [VoidReason.REFUSED])


async def pin_proposed(people: People, principal: bytes, public_key: bytes) -> bytes:
    """Has Alice propose another certificate for a principal."""
    (answer,) = await people.commands.pin([NewPin(principal, a_key(b"found"), public_key)], people.by(ALICE))
    return answer.proposal


async def test_a_pin_with_a_key_stands_whatever_key_its_holder_rotates_to(people: People) -> None:
    """Who has somebody's keys and certificate, or its platform's, voids no such pin, and has none of its keys after."""
    await people.registered(NewPrincipal(PLATFORM, Kind.PLATFORM, "platform", b"", a_key(PLATFORM)))
    await people.registered(new(Kind.PLATFORM_APPROVER, tenant=PLATFORM))
    proposed = await pin_proposed(people, NEW, a_key(b"own again"))
    for holder, number in ((NEW, 1), (PLATFORM, 2), (NEW, 3)):
        await people.commands.rotate_key(people.by(holder), a_key(bytes([number])), 60)
    assert people.voided() == []
    assert await people.confirm(proposed, people.by(BOB)) == ""
    made = people.principal()
    assert made is not None
    assert [each.public for each in made.keys] == [a_key(b"own again")]


async def test_a_pin_that_leaves_the_keys_is_void_with_them_and_that_is_told(people: People) -> None:
    """It was read with the keys of then: it ends as the key does, not when somebody looks, and the log names it."""
    await people.registered(NewPrincipal(PLATFORM, Kind.PLATFORM, "platform", b"", a_key(PLATFORM)))
    await people.registered(new(Kind.PLATFORM_APPROVER, tenant=PLATFORM))
    proposed = await pin_proposed(people, NEW, b"")
    await people.commands.rotate_key(people.by(PLATFORM), a_key(b"p"), 0)
    assert people.voided() == []
    with capture_logs() as lines:
        await people.commands.rotate_key(people.by(NEW), a_key(b"n"), 0)
    assert people.voided() == [VoidReason.CHANGED]
    told = [(each["event"], each["log_level"], each["proposal"]) for each in lines if "proposal" in each]
    assert told == [("pin_voided_by_rotation", "warning", show(proposed))]
    assert await people.confirm(proposed, people.by(BOB)) == "PROPOSAL_VOID"


async def test_a_pin_is_void_once_its_platform_or_certificate_is_another(people: People) -> None:
    """What does not change by a rotation counts still: another pin, and the platform's suspension."""
    await people.registered(NewPrincipal(PLATFORM, Kind.PLATFORM, "platform", b"", a_key(PLATFORM)))
    await people.registered(new(Kind.PLATFORM_APPROVER, tenant=PLATFORM))
    first = await pin_proposed(people, NEW, a_key(b"first"))
    second = await pin_proposed(people, NEW, a_key(b"second"))
    assert await people.confirm(first, people.by(BOB)) == ""
    assert await people.confirm(second, people.by(BOB)) == "PROPOSAL_VOID"
    third = await pin_proposed(people, NEW, a_key(b"third"))
    assert await people.commands.suspend([PLATFORM], "stop", CAROL) == [""]
    assert await people.confirm(third, people.by(BOB)) == "PROPOSAL_VOID"


@pytest.mark.parametrize("stopped", ["suspended", "lapsed", "suspended and back"])
async def test_what_somebody_proposed_who_may_not_act_any_more_is_void(people: People, stopped: str) -> None:
    """A proposer who was suspended, also for a while, or whose role has ended, has proposed nothing."""
    until_ns = people.clock.now_ns() + DAY_NS
    renewal = (await people.commands.renew([CAROL], until_ns, people.by(ALICE)))[0]
    assert await people.confirm(renewal.proposal, people.by(BOB)) == ""
    proposed = await people.propose(new(), CAROL)
    if stopped == "lapsed":
        people.clock.advance(DAY_NS)
    else:
        await people.commands.suspend([CAROL], "left the company", ALICE)
    if stopped == "suspended and back":
        lift = (await people.commands.confirm([CAROL], people.by(ALICE)))[0]
        assert await people.confirm(lift.proposal, people.by(BOB)) == ""
    assert await people.confirm(proposed.proposal, people.by(BOB)) == "PROPOSAL_VOID"
    assert people.principal() is None


async def test_whoever_is_suspended_or_lapsed_confirms_nothing(people: People) -> None:
    """A token that still lives is not enough to be the second person."""
    proposed = await people.propose(new())
    await people.commands.suspend([BOB], "left the company", CAROL)
    assert await people.confirm(proposed.proposal, people.by(BOB)) == "SECOND_PERSON_REQUIRED"
    renewed = (await people.commands.renew([CAROL], people.clock.now_ns() + DAY_NS, people.by(ALICE)))[0]
    assert renewed.reason == "APPROVAL_PENDING"
    people.clock.advance(181 * DAY_NS)
    assert await people.confirm(proposed.proposal, people.by(CAROL)) == "PROPOSAL_VOID"
    assert people.principal() is None


async def test_a_suspension_is_lifted_by_two(people: People) -> None:
    """One operator only proposes it; being suspended again refuses it, and a lift once confirmed is no second one."""
    await people.commands.suspend([CAROL], "lost her key", ALICE)
    proposed = (await people.commands.confirm([CAROL], people.by(BOB)))[0]
    assert proposed.reason == "APPROVAL_PENDING"
    assert (await people.commands.confirm([CAROL], people.by(BOB)))[0] == proposed
    await people.commands.suspend([CAROL], "still lost", ALICE)
    assert await people.confirm(proposed.proposal, people.by(ALICE)) == "PROPOSAL_VOID"
    again = (await people.commands.confirm([CAROL], people.by(BOB)))[0]
    assert await people.confirm(again.proposal, people.by(ALICE)) == ""
    carol = people.principal(CAROL)
    assert carol is not None
    assert carol.status is Status.ACTIVE


async def test_who_waits_since_an_earlier_release_takes_two_as_well(people: People) -> None:
    """A principal that one operator proposed before there were proposals is not active by one more word."""
    old = PrincipalRegistered(NEW, Kind.OPERATOR, "somebody", b"", a_key(NEW), b"", False, ALICE)
    await people.writer.commit(lambda unit: unit.record(NEW, old))
    proposed = (await people.commands.confirm([NEW], people.by(BOB)))[0]
    assert proposed.reason == "APPROVAL_PENDING"
    assert await people.confirm(proposed.proposal, people.by(CAROL)) == ""
    made = people.principal()
    assert made is not None
    assert made.status is Status.ACTIVE


async def test_other_data_under_an_id_that_waits_is_refused(people: People) -> None:
    """Nobody confirms another key than the one they saw: a second proposal of the id is refused while one waits."""
    await people.propose(new())
    assert (await people.propose(new(public_key=a_key(b"another")), CAROL)).reason == "EXISTS_WITH_DIFFERENT_DATA"


async def test_only_operators_propose(people: People) -> None:
    """A platform's word is none, whatever its token said."""
    await people.registered(NewPrincipal(PLATFORM, Kind.PLATFORM, "platform", b"", a_key(PLATFORM)))
    assert (await people.propose(new(), PLATFORM)).reason == "OPERATOR_REQUIRED"


async def test_only_what_was_read_is_confirmed(people: People) -> None:
    """An id is proposed again as something else after somebody has read it: asking by the id confirms nothing."""
    read = await people.propose(new(Kind.BANK_FEED))
    assert await people.proposals.decide([Decision(read.proposal, Verdict.WITHDRAW)], people.by(ALICE)) == [""]
    other = await people.propose(new(Kind.OPERATOR, public_key=a_key(b"of alice")))
    assert await people.commands.confirm([NEW], people.by(BOB)) == [other]
    assert await people.confirm(read.proposal, people.by(BOB)) == "PROPOSAL_VOID"
    assert people.principal() is None
