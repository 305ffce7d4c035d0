"""Parties: the KYC table, two people out of BLOCKED, idempotence, tenants apart, erasure."""

from typing import Any

import pytest
from ringfence_identity.parties.domain import parties
from ringfence_identity.parties.domain.errors import (
    IdentityNumberTaken,
    KycTransitionRefused,
    PartyNotFound,
    SubjectErased,
)
from ringfence_identity.parties.domain.kyc import TRANSITIONS, KycState
from ringfence_identity.parties.domain.parties import KycDecision
from ringfence_identity.principals.domain.errors import ExistsWithDifferentData, OperatorRequired, TenantNotFound
from ringfence_identity.principals.domain.principals import Actor
from ringfence_kernel.writing.recent import LookedUp

ANNA = b"party-anna......"
BERT = b"party-bert......"
NEVER: LookedUp[Any] = LookedUp(0)
"""A look into a table that has nothing."""

LISTED = """
NOT_STARTED>SUBMITTED SUBMITTED>CHECKING CHECKING>VERIFIED CHECKING>REVIEW CHECKING>REJECTED REVIEW>VERIFIED
REVIEW>REJECTED REJECTED>SUBMITTED VERIFIED>REFRESH_DUE VERIFIED>EDD REFRESH_DUE>CHECKING EDD>CHECKING
REFRESH_DUE>EXPIRED EXPIRED>SUBMITTED BLOCKED>REVIEW
NOT_STARTED>BLOCKED SUBMITTED>BLOCKED CHECKING>BLOCKED VERIFIED>BLOCKED REVIEW>BLOCKED REJECTED>BLOCKED
REFRESH_DUE>BLOCKED EDD>BLOCKED EXPIRED>BLOCKED
""".split()


def registered(world: Any, party: bytes = ANNA, number: str = "A1") -> None:
    """Registers a party of the first platform."""
    world.happens(parties.register(*world.of_parties, world.party(party, number), world.server(world.platform)))


def decided(world: Any, *states: KycState, by: bytes = b"") -> None:
    """Leads Anna through these states."""
    for to in states:
        decision = KycDecision(world.platform, ANNA, to, "because")
        world.happens(parties.decide_kyc(*world.of_parties, decision, by or world.alice, NEVER))


def test_the_table_is_the_one_required() -> None:
    """Exactly the listed steps exist; every state may be blocked."""
    steps = {f"{before}>{after}" for before, afters in TRANSITIONS.items() for after in afters}
    assert steps == set(LISTED)
    assert set(TRANSITIONS) == set(KycState)


def test_unlisted_step_is_a_named_error(world: Any) -> None:
    """A step that is not in the table is refused with the two states and leaves no event."""
    registered(world)
    with pytest.raises(KycTransitionRefused) as refusal:
        decided(world, KycState.VERIFIED)
    assert refusal.value.metadata == {"from": "SUBMITTED", "to": "VERIFIED"}
    assert world.parties.parties[ANNA].kyc is KycState.SUBMITTED


def test_registration_hands_in_and_repeats_harmlessly(world: Any) -> None:
    """Registering records the party and its hand-in; the same again records nothing; other data is refused."""
    registered(world)
    assert world.parties.parties[ANNA].kyc is KycState.SUBMITTED
    assert parties.register(*world.of_parties, world.party(ANNA, "A1"), world.server(world.platform)) == []
    with pytest.raises(ExistsWithDifferentData):
        parties.register(*world.of_parties, world.party(ANNA, "A2"), world.server(world.platform))


@pytest.mark.parametrize("end", [KycState.REJECTED, KycState.EXPIRED])
def test_other_data_after_refusal_or_expiry_is_handed_in_anew(world: Any, end: KycState) -> None:
    """A rejected or expired party may be handed in with other data, sealed for the version it is stored at."""
    registered(world)
    path = {
        KycState.REJECTED: [KycState.CHECKING, KycState.REJECTED],
        KycState.EXPIRED: [KycState.CHECKING, KycState.VERIFIED, KycState.REFRESH_DUE, KycState.EXPIRED],
    }[end]
    decided(world, *path)
    version = world.versions[ANNA]
    again = parties.register(*world.of_parties, world.party(ANNA, "A2"), world.server(world.platform))
    amended, _ = world.happens(again)
    party = world.parties.parties[ANNA]
    assert party.kyc is KycState.SUBMITTED
    assert amended.personal == {"name": b"sealed at %d" % (version + 1)}
    assert party.personal_version == version + 1
    assert parties.register(*world.of_parties, world.party(BERT, "A1"), world.server(world.platform))


def test_late_retry_does_not_hand_in_again(world: Any) -> None:
    """A repeated registration that arrives after the rejection leaves the party rejected."""
    registered(world)
    decided(world, KycState.CHECKING, KycState.REJECTED)
    assert parties.register(*world.of_parties, world.party(ANNA, "A1"), world.server(world.platform)) == []


def test_the_way_out_of_blocked_is_for_two_people(world: Any) -> None:
    """Of all steps only this one is told to be for two."""
    registered(world)
    block = KycDecision(world.platform, ANNA, KycState.BLOCKED, "listed")
    release = KycDecision(world.platform, ANNA, KycState.REVIEW, "false match")
    blocked = parties.decide_kyc(*world.of_parties, block, world.alice, NEVER)
    assert not parties.needs_two_people(blocked)
    world.happens(blocked)
    assert parties.needs_two_people(parties.decide_kyc(*world.of_parties, release, world.alice, NEVER))


def test_decision_with_an_id_is_made_once(world: Any) -> None:
    """A late repetition of a decision changes nothing; another decision under the same id is refused."""
    registered(world)
    first = KycDecision(world.platform, ANNA, KycState.CHECKING, "papers came", b"decision-1......")
    world.happens(parties.decide_kyc(*world.of_parties, first, world.alice, NEVER))
    decided(world, KycState.VERIFIED, KycState.EDD)
    assert parties.decide_kyc(*world.of_parties, first, world.alice, NEVER) == []
    other = KycDecision(world.platform, ANNA, KycState.BLOCKED, "listed", b"decision-1......")
    with pytest.raises(ExistsWithDifferentData):
        parties.decide_kyc(*world.of_parties, other, world.alice, NEVER)


def test_platform_decides_nothing(world: Any) -> None:
    """Only operators move parties through KYC or erase them."""
    registered(world)
    with pytest.raises(OperatorRequired):
        decided(world, KycState.CHECKING, by=world.platform)
    with pytest.raises(OperatorRequired):
        parties.erase(*world.of_parties, world.platform, ANNA, world.platform)


def test_foreign_party_is_as_missing(world: Any) -> None:
    """Another tenant's party and no party at all are answered alike."""
    registered(world)
    for tenant, party in ((world.other, ANNA), (world.platform, BERT)):
        with pytest.raises(PartyNotFound) as refusal:
            parties.find(world.parties, tenant, party)
        assert (str(refusal.value), refusal.value.metadata) == (str(PartyNotFound()), {})


def test_same_person_twice_at_one_platform_is_refused(world: Any) -> None:
    """An identity number belongs to one party of a tenant."""
    registered(world)
    with pytest.raises(IdentityNumberTaken):
        registered(world, BERT)


def test_party_needs_an_active_platform(world: Any) -> None:
    """An operator, having no tenant, cannot register parties; neither can a platform that is none."""
    for actor in (Actor(world.alice, None), Actor(ANNA, ANNA)):
        with pytest.raises(TenantNotFound):
            parties.register(*world.of_parties, world.party(BERT), actor)


def test_party_cannot_take_the_id_of_a_principal(world: Any) -> None:
    """Ids of principals and parties share one namespace, so that each stream has one meaning."""
    with pytest.raises(ExistsWithDifferentData):
        registered(world, world.other)


def test_erased_party_is_empty_and_closed_for_good(world: Any) -> None:
    """After erasure nothing personal is left in memory and every later command says so; erasing again is no change."""
    registered(world)
    world.happens(parties.erase(*world.of_parties, world.platform, ANNA, world.alice))
    party = world.parties.parties[ANNA]
    assert (party.erased, party.identity_index, party.digest) == (True, b"", b"")
    assert parties.erase(*world.of_parties, world.platform, ANNA, world.alice) == []
    with pytest.raises(SubjectErased):
        decided(world, KycState.CHECKING)
    with pytest.raises(SubjectErased):
        registered(world)
    registered(world, BERT)


def test_rollback_leaves_no_trace(world: Any) -> None:
    """A failed commit takes every change of the party back."""
    registered(world)
    world.journal.clear()
    before = world.parties.parties[ANNA]
    decided(world, KycState.CHECKING)
    world.happens(parties.erase(*world.of_parties, world.platform, ANNA, world.alice))
    world.journal.rollback()
    assert world.parties.parties[ANNA] == before
    assert dict(world.parties.identity_numbers) == {b"A1".rjust(16): ANNA}
