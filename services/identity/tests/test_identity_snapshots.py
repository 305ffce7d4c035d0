"""The state is put together from the modules' parts, saved, restored, and digested the same either way."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from ringfence_identity.aliases.domain import aliases
from ringfence_identity.aliases.domain.aliases import Action, Change, NewAlias
from ringfence_identity.modules import Modules, event_codec
from ringfence_identity.parties.domain import blocking, legal_holds, owners, parties
from ringfence_identity.parties.domain.blocking import PartyBlock
from ringfence_identity.parties.domain.events import KycReleaseProposed
from ringfence_identity.parties.domain.kyc import KycState, PartyKind
from ringfence_identity.parties.domain.owners import NewOwners
from ringfence_identity.parties.domain.parties import KycDecision
from ringfence_identity.principals.domain import grants, principals
from ringfence_identity.principals.domain.principals import Actor, NewPin
from ringfence_identity.principals.domain.roles import Kind
from ringfence_identity.tokens.domain import access, authorisations, enrolment
from ringfence_identity.tokens.domain.assertions import Assertion
from ringfence_identity.tokens.domain.authorisations import Submission
from ringfence_identity.tokens.domain.bearers import Presented
from ringfence_identity.tokens.domain.holders import TokenHolder
from ringfence_kernel.calendars.noted import BusinessDayNoted, CalendarYearNoted
from ringfence_kernel.proposals.domain.events import (
    ProposalConfirmed,
    ProposalMade,
    ProposalVoided,
    ProposerResumed,
    ProposerStopped,
    VoidReason,
)
from ringfence_kernel.values.columns import pack
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.recent import LookedUp

SECOND = 10**9
ANNA, BERT, CLEO = b"party-anna......", b"party-bert......", b"party-cleo......"
DORA = b"party-dora......"
FEED = b"bank-feed......."
MINUTES_LATER = 600 * SECOND
NEVER: LookedUp[Any] = LookedUp(0)
"""A look into a table that has nothing."""


@pytest.fixture
def lived(world: Any) -> list[Recorded]:
    """A world in which every event has happened; returns the events as they were recorded."""
    recorded: list[Recorded] = []
    happens = world.happens

    def kept(events: Sequence[Any]) -> list[Any]:
        done: list[Any] = []
        for event in events:
            done += happens([event])
            recorded.append(Recorded(0, event.stream, world.versions[event.stream], event, world.now_ns, ""))
        return done

    world.happens = kept
    world.modules, world.versions = Modules(), {}
    for operator in (world.alice, world.bob):
        world.first(operator, Kind.OPERATOR)
    world.first(FEED, Kind.BANK_FEED, certificate=b"p" * 32)
    world.happens(
        principals.register(
            *world.of_principals, world.principal(world.platform, Kind.PLATFORM), world.alice, world.now_ns
        )
    )
    _principals_change(world)
    _two_people_decide(world)
    _tokens_are_issued(world)
    _parties_come_and_go(world)
    world.happens(
        [CalendarYearNoted("TARGET", 2027, pack("i", [20819]), b"", b"d" * 32), BusinessDayNoted("TARGET", 20822)]
    )
    world.journal.clear()
    return recorded


def _principals_change(world: Any) -> None:
    world.happens(principals.suspend(world.principals, world.platform, "order 7", world.alice))
    world.happens(principals.activate(world.principals, world.platform, world.bob))
    world.happens(principals.rotate_key(world.principals, world.platform, world.a_key(b"k"), 60, world.now_ns))
    pin = NewPin(world.platform, b"r" * 32, world.a_key(b"r"))
    world.happens(principals.pin(world.principals, pin, world.alice))
    world.happens(principals.renew(world.principals, world.bob, world.now_ns + SECOND, world.alice, world.now_ns))
    world.happens(grants.state_jurisdiction(world.principals, world.platform, "DE", world.alice))
    reader = replace(
        world.principal(b"a-regulator.....", Kind.REGULATOR), grant=grants.NewGrant((), ("DE",), 0, 0, "c 7")
    )
    world.happens(principals.register(*world.of_principals, reader, world.alice, world.now_ns, b"grant-id........"))


def _two_people_decide(world: Any) -> None:
    for proposal in (b"waits...........", b"confirmed.......", b"void............"):
        of = proposal, "identity.RenewGrant", world.bob, b""
        world.happens([ProposalMade(*of, b"payload", b"basis", world.alice, world.alice, b"k" * 32, b"c" * 32, 1)])
    of = b"confirmed.......", "identity.RenewGrant", world.bob, b""
    world.happens([ProposalConfirmed(*of, "why", world.bob, world.bob, b"l" * 32, b"d" * 32)])
    of = b"void............", "identity.RenewGrant", world.bob, b""
    world.happens([ProposalVoided(*of, VoidReason.REFUSED, "why", world.bob)])
    world.happens([ProposerStopped(world.alice), ProposerStopped(world.bob), ProposerResumed(world.alice)])


def _tokens_are_issued(world: Any) -> None:
    for number in range(3):
        world.now_ns += MINUTES_LATER
        assertion = Assertion(FEED, b"assertion-%d....." % number, world.now_ns + 300 * SECOND, b"k" * 32)
        held = Presented(FEED, b"p" * 32)
        if number == 1:
            ends_ns = world.now_ns + 86_400 * SECOND
            world.happens(enrolment.enrol(*world.of_tokens, assertion, held, b"q" * 32, ends_ns, world.now_ns))
            continue
        grant = access.grant_access(*world.of_tokens, assertion, held, frozenset(), b"t" * 16, world.now_ns, 0)
        world.happens(access.issue(*world.of_tokens, assertion, held, grant, world.now_ns))
    for number in range(4):
        world.now_ns += 86_400 * SECOND
        holder = TokenHolder(world.platform, None, frozenset({"payments.submit"}), b"r" * 32, 1)
        submission = Submission(holder, world.platform, b"submission-%d...." % number, b"d" * 32)
        world.happens(authorisations.authorise(*world.of_authorisations, submission, b"t" * 16, world.now_ns, NEVER))
    last = world.platform, b"submission-3...."
    world.happens(authorisations.revoke(world.tokens, *last, "why", world.alice, world.now_ns, NEVER))


def _parties_come_and_go(world: Any) -> None:
    server, operator = world.server(world.platform), Actor(world.alice, None)
    for number, party in enumerate((ANNA, BERT, CLEO)):
        world.happens(parties.register(*world.of_parties, world.party(party, f"N{number}"), server))
        for iban in range(number + 1):
            index = b"iban-%d-%d........" % (number, iban)
            world.happens(aliases.claim(*world.of_aliases, _alias(world, party, index), server))
            claim = world.aliases.claim(party, index)
            world.happens(aliases.confirm(world.aliases, claim, b"e" * 32, FEED))
        world.happens(aliases.claim(*world.of_aliases, _alias(world, party, b"claimed by all.."), server))
    freed = Change(Action.REMOVE, world.platform, BERT, b"iban-1-0........", b"d" * 32)
    world.happens(aliases.change(world.aliases, freed, world.alice))
    mirror = _alias(world, world.platform, b"mirror..........", FEED)
    world.happens(aliases.register_mirror(world.aliases, world.principal_queries, mirror, operator))
    new = NewOwners(DORA, 2, b"d" * 16, lambda version: {"name": b"sealed"})
    company = world.party(DORA, "N3", kind=PartyKind.COMPANY)
    world.happens(parties.register(*world.of_parties, company, server))
    world.happens(owners.record(*world.of_parties, new, server))
    world.happens(blocking.block(world.parties, PartyBlock(world.platform, DORA, "L", b"e" * 32, b"v" * 32), FEED))
    for reference in ("order 1", "order 2"):
        world.happens(legal_holds.hold(world.parties, world.platform, DORA, reference, world.alice))
    world.happens(legal_holds.lift(world.parties, world.platform, DORA, "order 1", world.alice))
    for number, (to, by) in enumerate([(KycState.CHECKING, world.alice), (KycState.REJECTED, world.alice)]):
        decision = KycDecision(world.platform, ANNA, to, "why", b"decision-%d......" % number)
        world.happens(parties.decide_kyc(*world.of_parties, decision, by, NEVER))
    world.happens(parties.register(*world.of_parties, world.party(ANNA, "N9"), server))
    for to in (KycState.BLOCKED, KycState.REVIEW):
        decision = KycDecision(world.platform, BERT, to, "why")
        if to is KycState.REVIEW:
            world.happens([KycReleaseProposed(world.platform, BERT, "why", b"", world.alice)])
        world.happens(parties.decide_kyc(*world.of_parties, decision, world.alice, NEVER))
    world.happens(aliases.remove_all(world.aliases, world.platform, CLEO, world.alice))
    world.happens(parties.erase(*world.of_parties, world.platform, CLEO, world.alice))


def _alias(world: Any, owner: bytes, index: bytes, feed: bytes = b"") -> NewAlias:
    return NewAlias(world.platform, b"account-of-" + owner[-5:], owner, bool(feed), index, lambda *_: b"sealed", feed)


def viewed(sections: Sequence[tuple[str, Any]]) -> dict[str, memoryview]:
    """Returns sections as a snapshot's file gives them."""
    return {name: memoryview(content) for name, content in sections}


def replayed(events: Sequence[Recorded]) -> Modules:
    """Returns the states that events lead to."""
    modules = Modules()
    states, journal = modules.states(), Journal()
    for each in events:
        states.apply(each, journal)
        journal.clear()
    return modules


def test_every_event_has_happened_here(lived: list[Recorded]) -> None:
    """The world below knows every event of the service, so that what is shown for it is shown for all."""
    assert {each.event.TOPIC for each in lived} == event_codec().topics


def test_a_replay_has_the_same_digest(world: Any, lived: list[Recorded]) -> None:
    """The digest is that of what events say, whichever process took them in."""
    assert replayed(lived).states().digest() == world.modules.states().digest()


@pytest.mark.parametrize("module", ["principals", "tokens", "parties", "aliases", "proposals", "calendars"])
def test_every_part_counts_in_the_digest(world: Any, lived: list[Recorded], module: str) -> None:
    """A state whose one module has taken in nothing is another state."""
    other = replayed(lived)
    part = getattr(Modules(), module)
    getattr(other, module).restore(viewed(part.save()))
    assert other.states().digest() != world.modules.states().digest()


def test_a_restored_state_is_the_same_and_goes_on(world: Any, lived: list[Recorded]) -> None:
    """What was saved half-way and restored in another process comes to the same end as the events alone."""
    for half in range(0, len(lived), 3):
        restored = Modules()
        states = restored.states()
        states.restore(viewed(replayed(lived[:half]).states().save()))
        for each in lived[half:]:
            states.apply(each, Journal())
        assert states.digest() == world.modules.states().digest()
        assert restored.aliases.mirrors == world.aliases.mirrors
        assert list(restored.parties.erased) == [CLEO]


def broken(sections: Mapping[str, memoryview]) -> list[dict[str, memoryview]]:
    """Returns the sections with one of them missing, and with one of them cut, for each of them."""
    missing = [{name: content for name, content in sections.items() if name != gone} for gone in sections]
    cut = [{**sections, name: content[:-1]} for name, content in sections.items() if len(content)]
    return missing + cut


def test_an_unusable_section_leaves_everything_empty(world: Any, lived: list[Recorded]) -> None:
    """Where one module cannot read its part, none keeps any, and a replay comes to the right state."""
    for sections in broken(viewed(world.modules.states().save())):
        modules = Modules()
        states = modules.states()
        with pytest.raises((ValueError, LookupError)):
            states.restore(sections)
        assert states.digest() == Modules().states().digest()
        for each in lived:
            states.apply(each, Journal())
        assert states.digest() == world.modules.states().digest()


def test_no_version_of_a_party_or_an_alias_is_kept_twice(lived: list[Recorded]) -> None:
    """The writer may forget the streams of parties and aliases, whose versions their rows tell."""
    modules, journal = Modules(), Journal()
    states = modules.states()
    for each in lived:
        states.apply(each, journal)
    streams = {each.stream for each in lived if hasattr(each.event, "party") or hasattr(each.event, "iban_index")}
    assert set(journal.ended) == streams
    versions = {each.stream: each.version for each in lived}
    assert {party.id: party.version for party in modules.parties.parties.values()} == {
        party: versions[party] for party in (ANNA, BERT, CLEO, DORA)
    }
