"""Acts of two people: nothing happens before another hand confirms, and what changed meanwhile is void."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, ClassVar

import pytest
from ringfence_kernel.access.caller import Caller, calling
from ringfence_kernel.access.hands import Hand, differs
from ringfence_kernel.access.refusals import TokenInvalid
from ringfence_kernel.proposals.api import ProposalServicer
from ringfence_kernel.proposals.application import MAX_DESCRIPTION, Decision, Effect, Proposals, Said, Verdict
from ringfence_kernel.proposals.domain.errors import ProposalTooLarge, TooManyProposals
from ringfence_kernel.proposals.domain.events import (
    EVENTS,
    ProposalConfirmed,
    ProposalVoided,
    VoidReason,
)
from ringfence_kernel.proposals.domain.proposals import LONGEST_NS, MOST_OF_PERSON
from ringfence_kernel.proposals.domain.state import Proposal, State
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.clock import ManualClock
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing.endings import Ending
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.states import SavedStates
from ringfence_kernel.writing.writer import GroupWriter, Unit
from ringfence_protos.common.v1 import proposals_pb2 as pb

SUBJECT, TENANT, OTHER = b"a-lamp..........", b"a-platform......", b"another-platform"
ACT = "test.Light"


@dataclass(frozen=True, slots=True)
class Lit:
    """A lamp was lit."""

    TOPIC: ClassVar[str] = "Lit.v1"
    lamp: bytes


class BulbBroken(DomainError):
    """The lamp cannot be lit."""

    reason = "BULB_BROKEN"


@dataclass
class Lamps:
    """Counts how often each lamp was lit."""

    EVENTS: ClassVar[tuple[type, ...]] = (Lit,)
    lit: dict[bytes, int] = field(default_factory=dict)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Counts."""
        journal.put(self.lit, recorded.stream, self.lit.get(recorded.stream, 0) + 1)

    def digest(self) -> bytes:
        """Hashes the counts."""
        return sha256(repr(sorted(self.lit.items())).encode()).digest()

    def save(self) -> Sections:
        """Nothing is saved here."""
        return []

    def restore(self, sections: Any) -> None:
        """Nothing is taken up here."""


def hand(name: str, **changes: Any) -> Caller:
    """Returns a caller with a person, key and certificate of its own, an operator where nothing else is said."""
    own = sha256(name.encode()).digest()
    thumbprint = urlsafe_b64encode(own).rstrip(b"=").decode()
    made = Caller(
        "spiffe://test/principal",
        None,
        own[:16],
        thumbprint,
        roles=frozenset({"operator"}),
        person=own[16:],
        key_sha256=sha256(own).digest(),
    )
    return replace(made, **changes)


ALWAYS_THE_SAME = Effect(
    name="test.AsBefore",
    basis=lambda proposal: b"as before",
    carry_out=lambda unit, proposal, hand: None,
    describe=lambda proposal: "as before",
)
XENIA, YANN, ZOE = (hand(name) for name in ("xenia", "yann", "zoe"))


@dataclass
class Act:
    """A service with one act of two people."""

    writer: GroupWriter
    clock: ManualClock
    store: EventStore
    lamps: Lamps = field(default_factory=Lamps)
    state: State = field(default_factory=State)
    proposals: Proposals = field(init=False)
    broken: bool = False
    stopped: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Registers the act."""
        self.proposals = Proposals(self.writer, self.state, lambda hand, now_ns: hand.principal not in self.stopped)
        platform = frozenset({"operator", "platform-approver"})
        for name, confirmers in ((ACT, frozenset({"operator"})), ("test.OwnLight", platform)):
            effect = Effect(
                name=name,
                basis=self._basis,
                carry_out=self._light,
                describe=lambda each: f"light {each.payload!r}",
                confirmers=confirmers,
            )
            self.proposals.register([effect])

    def _basis(self, proposal: Proposal) -> bytes:
        return self.lamps.lit.get(proposal.subject, 0).to_bytes(8, "big")

    def _light(self, unit: Unit, proposal: Proposal, by: Hand) -> None:
        if self.broken:
            raise BulbBroken
        unit.record(proposal.subject, Lit(proposal.payload))

    async def propose(
        self, caller: Caller = XENIA, payload: bytes = b"red", tenant: bytes = b"", effect: str = ACT
    ) -> bytes:
        """Has the act proposed."""
        return await self.writer.commit(
            lambda unit: self.proposals.propose(
                unit, effect, subject=SUBJECT, payload=payload, caller=caller, tenant=tenant
            )
        )

    async def decide(self, proposal: bytes, caller: Caller, verdict: Verdict = Verdict.CONFIRM) -> str:
        """Has it decided; returns the reason."""
        (reason,) = await self.proposals.decide([Decision(proposal, verdict, "why")], caller)
        return reason

    async def light_otherwise(self) -> None:
        """Has the subject changed by something else."""
        await self.writer.commit(lambda unit: unit.record(SUBJECT, Lit(b"by hand")))

    async def listed(self, caller: Caller, tenant: bytes = b"") -> list[bytes]:
        """Returns the ids that somebody sees."""
        found, _ = await self.proposals.waiting(caller, tenant, 0, 100)
        return [each.proposal.id for each in found]

    def events(self, kind: type[Any]) -> list[Any]:
        """Returns the committed events of a type."""
        return [each.event for each in self.store.replay(CODEC) if isinstance(each.event, kind)]

    @property
    def is_lit(self) -> bool:
        """Whether it has happened."""
        return bool(self.lamps.lit)


CODEC = EventCodec([Lit, *EVENTS])


def whole(act: Act) -> SavedStates:
    """Returns the state of the service."""
    return SavedStates({"lamps": act.lamps, "proposals": act.state}, 1)


@pytest.fixture
async def act(store: EventStore) -> AsyncIterator[Act]:
    """The service, running."""
    clock = ManualClock(1_000)
    writer = GroupWriter(store, CODEC, None, clock)  # type: ignore[arg-type]
    made = Act(writer, clock, store)
    writer.state = whole(made)
    writer.load()
    task = asyncio.create_task(writer.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_hands_differ_in_everything_or_not() -> None:
    """One thing in common, or one thing unknown, and two hands may be one person's."""
    one, other = XENIA.hand, YANN.hand
    assert differs(one, other)
    for name in ("principal", "person", "key_sha256", "certificate_sha256"):
        assert not differs(one, replace(other, **{name: getattr(one, name)}))
        assert not differs(one, replace(other, **{name: b""}))


def test_a_token_that_names_no_hand_has_none() -> None:
    """An authorisation, or a token of an earlier release, proposes and confirms nothing."""
    for missing in ("person", "key_sha256"):
        with pytest.raises(TokenInvalid):
            _ = replace(XENIA, **{missing: b""}).hand


async def test_nothing_happens_before_a_second_person_confirms(act: Act) -> None:
    """The proposal changes nothing, and its confirmation and what it brings about are one commit."""
    proposal = await act.propose()
    assert not act.is_lit
    assert await act.decide(proposal, YANN) == ""
    assert act.is_lit
    [confirmed] = act.events(ProposalConfirmed)
    assert (confirmed.principal, confirmed.person, confirmed.note) == (YANN.subject, YANN.person, "why")
    assert await act.decide(proposal, YANN) == ""
    assert await act.decide(proposal, ZOE) == "PROPOSAL_VOID"
    assert act.lamps.lit == {SUBJECT: 1}


@pytest.mark.parametrize("shared", ["subject", "person", "key_sha256", "certificate_thumbprint"])
async def test_a_hand_that_shares_something_confirms_nothing(act: Act, shared: str) -> None:
    """The same principal, person, key or certificate: one person."""
    proposal = await act.propose()
    assert await act.decide(proposal, replace(YANN, **{shared: getattr(XENIA, shared)})) == "SECOND_PERSON_REQUIRED"
    assert not act.is_lit


@pytest.mark.parametrize("who", ["subject", "person"])
async def test_whom_it_is_about_confirms_nothing(act: Act, who: str) -> None:
    """Neither the subject's own principal nor its person is the second."""
    proposal = await act.propose()
    assert await act.decide(proposal, replace(YANN, **{who: SUBJECT})) == "SECOND_PERSON_REQUIRED"


@pytest.mark.parametrize(
    ("verdict", "by", "reason"),
    [(Verdict.REFUSE, ZOE, VoidReason.REFUSED), (Verdict.WITHDRAW, XENIA, VoidReason.WITHDRAWN)],
)
async def test_refused_or_withdrawn_is_void(act: Act, verdict: Verdict, by: Caller, reason: VoidReason) -> None:
    """Whoever may confirm refuses, whoever proposed withdraws; neither is confirmed afterwards."""
    proposal = await act.propose()
    assert await act.decide(proposal, by, verdict) == ""
    assert await act.decide(proposal, YANN) == "PROPOSAL_VOID"
    [voided] = act.events(ProposalVoided)
    assert (voided.reason, voided.by, act.is_lit) == (reason, by.subject, False)


async def test_only_the_proposer_withdraws(act: Act) -> None:
    """Another's proposal is refused, not withdrawn."""
    proposal = await act.propose()
    assert await act.decide(proposal, YANN, Verdict.WITHDRAW) == "SECOND_PERSON_REQUIRED"
    assert await act.decide(proposal, YANN) == ""


async def test_a_change_of_the_subject_voids(act: Act) -> None:
    """What was proposed of one state is not carried out on another."""
    proposal = await act.propose()
    await act.light_otherwise()
    assert await act.decide(proposal, YANN) == "PROPOSAL_VOID"
    assert [each.reason for each in act.events(ProposalVoided)] == [VoidReason.CHANGED]
    assert act.lamps.lit == {SUBJECT: 1}


async def test_one_confirmation_voids_the_others_of_its_kind(act: Act) -> None:
    """Two proposals about one thing are not carried out one after the other, also where the basis is what it was."""
    act.proposals.register([replace(ALWAYS_THE_SAME, carry_out=act._light)])
    same = [await act.propose(payload=each, effect=ALWAYS_THE_SAME.name) for each in (b"red", b"blue")]
    assert [await act.decide(each, YANN) for each in same] == ["", "PROPOSAL_VOID"]
    first, second = await act.propose(payload=b"red"), await act.propose(ZOE, payload=b"blue")
    assert await act.decide(first, YANN) == ""
    assert await act.decide(second, YANN) == "PROPOSAL_VOID"


async def test_a_proposal_lapses(act: Act) -> None:
    """After seven days, or when the proposer's role ends if that is sooner, it is void, and the event says so."""
    long = await act.propose(payload=b"red")
    short = await act.propose(replace(ZOE, grant_ends_ns=act.clock.now_ns() + 1_000_000), payload=b"blue")
    act.clock.advance(2_000_000)
    assert await act.decide(short, YANN) == "PROPOSAL_VOID"
    act.clock.advance(LONGEST_NS - 3_000_000)
    assert await act.listed(YANN) == [long]
    act.clock.advance(2_000_000)
    assert await act.decide(long, YANN) == "PROPOSAL_VOID"
    assert [each.reason for each in act.events(ProposalVoided)] == [VoidReason.LAPSED] * 2
    assert not act.is_lit


async def test_who_may_not_act_has_proposed_and_confirms_nothing(act: Act) -> None:
    """A proposer who was stopped voids it; a stopped confirmer is none, and proposes nothing either."""
    proposal = await act.propose()
    act.stopped.add(YANN.subject)
    assert await act.decide(proposal, YANN) == "SECOND_PERSON_REQUIRED"
    act.stopped = {XENIA.subject}
    assert await act.decide(proposal, ZOE) == "PROPOSAL_VOID"
    with pytest.raises(DomainError):
        await act.propose()


async def test_what_cannot_be_carried_out_stays_proposed(act: Act) -> None:
    """The effect's own refusal is the answer, nothing is recorded, and it may be confirmed later."""
    proposal = await act.propose()
    act.broken = True
    assert await act.decide(proposal, YANN) == "BULB_BROKEN"
    assert not act.events(ProposalConfirmed)
    act.broken = False
    assert await act.decide(proposal, YANN) == ""


async def test_nobody_sees_another_tenants_proposals(act: Act) -> None:
    """A platform's people see and decide their own where the effect names them; strangers are told of none."""
    approver = frozenset({"platform-approver"})
    own, stranger = hand("a", roles=approver, tenant=TENANT), hand("b", roles=approver, tenant=OTHER)
    theirs = await act.propose(tenant=TENANT, effect="test.OwnLight")
    general = await act.propose(tenant=TENANT)
    assert await act.listed(stranger) == []
    assert await act.listed(own) == [theirs]
    assert await act.listed(YANN) == [theirs, general]
    assert await act.listed(YANN, OTHER) == []
    for caller, proposal in ((stranger, theirs), (own, general), (YANN, b"never-proposed..")):
        for verdict in Verdict:
            assert await act.decide(proposal, caller, verdict) == "PROPOSAL_NOT_FOUND"
    assert await act.decide(theirs, own) == ""
    assert await act.decide(theirs, stranger) == "PROPOSAL_NOT_FOUND"


async def test_a_repeated_proposal_is_the_same_one(act: Act) -> None:
    """A retry gets the same id; another payload, and the same from another hand, are others."""
    first = await act.propose()
    assert await act.propose() == first
    assert len({first, await act.propose(payload=b"blue"), await act.propose(ZOE)}) == 3


async def test_one_person_cannot_flood(act: Act) -> None:
    """As many proposals of one person wait as may; others still propose."""
    for number in range(MOST_OF_PERSON):
        await act.propose(payload=b"%d" % number)
    with pytest.raises(TooManyProposals):
        await act.propose(payload=b"one more")
    await act.propose(ZOE)


async def test_state_is_what_events_and_snapshots_say(act: Act) -> None:
    """Waiting and ended proposals come back from a replay and from a snapshot alike."""
    kept, gone = await act.propose(), await act.propose(payload=b"blue")
    await act.writer.commit(lambda unit: act.proposals.hear(unit, Said.SUSPENDED, Ending(ZOE.subject, 7, 1)))
    await act.decide(gone, YANN, Verdict.REFUSE)
    replayed, restored = State(), State()
    journal = Journal()
    for recorded in act.store.replay(CODEC):
        replayed.apply(recorded, journal)
    restored.restore({name: memoryview(content) for name, content in act.state.save()})
    assert replayed.digest() == restored.digest() == act.state.digest()
    assert list(restored.waiting) == [kept]
    journal.rollback()
    assert replayed.digest() == State().digest()


async def test_what_cannot_be_read_whole_is_not_proposed(act: Act) -> None:
    """Nobody confirms a description that was cut: one that is too long is refused, and nothing waits."""
    with pytest.raises(ProposalTooLarge):
        await act.propose(payload=b"r" * MAX_DESCRIPTION)
    assert act.state.waiting == {}


async def test_descriptions_are_shown_whole_and_a_page_ends_early(act: Act) -> None:
    """As many as fit into an answer are in a page, and the next one goes on after them."""
    long = [b"%02d" % number * (MAX_DESCRIPTION // 2 - 100) for number in range(40)]
    for payload in long:
        await act.propose(payload=payload)
    found, token, pages = [], "", 0
    while token or not pages:
        with calling(YANN):
            request = pb.ListProposalsRequest(page_token=token)
            page = await ProposalServicer(act.proposals).ListProposals(request, None)
        found += [each.description for each in page.proposals]
        token, pages = page.next_page_token, pages + 1
    assert found == [f"light {payload!r}" for payload in long]
    assert pages > 1


async def test_what_is_shown_is_of_one_commit(act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is decided while a page is described, and may yet be lost: no description is made of it."""
    monkeypatch.setattr("ringfence_kernel.values.pacing.STEP_SECONDS", 0.0)
    others: list[asyncio.Task[None]] = []

    def described(proposal: Proposal) -> str:
        others.append(asyncio.get_running_loop().create_task(act.light_otherwise()))
        return f"lit {act.lamps.lit.get(SUBJECT, 0)} times"

    act.proposals.register([replace(ALWAYS_THE_SAME, name="test.Described", describe=described)])
    ids = [await act.propose(payload=b"%d" % number, effect="test.Described") for number in range(5)]
    with calling(YANN):
        page = await ProposalServicer(act.proposals).ListProposals(pb.ListProposalsRequest(), None)
    assert [each.description for each in page.proposals] == [page.proposals[0].description] * len(ids)
    await asyncio.gather(*others)
