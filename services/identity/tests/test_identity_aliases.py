"""Aliases: one IBAN, one account, in one tenant's book; claims, which stand for nothing; changes of two people."""

from typing import Any

import pytest
from ringfence_identity.aliases.application.names import is_same_name
from ringfence_identity.aliases.application.two_people import CHANGES, MIRRORS, AliasActs
from ringfence_identity.aliases.domain import aliases
from ringfence_identity.aliases.domain.aliases import Action, Change, NewAlias
from ringfence_identity.aliases.domain.errors import AliasNotFound, IbanTaken
from ringfence_identity.aliases.domain.events import AliasRegistered, AliasRemoved, alias_stream
from ringfence_identity.aliases.domain.state import Alias, Retired
from ringfence_identity.parties.domain import parties
from ringfence_identity.parties.domain.errors import PartyNotFound
from ringfence_identity.principals.domain import principals
from ringfence_identity.principals.domain.errors import (
    ExistsWithDifferentData,
    OperatorRequired,
    PrincipalNotActive,
    PrincipalNotFound,
    TenantNotFound,
)
from ringfence_identity.principals.domain.principals import Actor
from ringfence_identity.principals.domain.roles import Kind
from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.application import Effect, Proposals
from ringfence_kernel.proposals.domain.state import Proposal
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing import plain

ANNA, BERT = b"party-anna......", b"party-bert......"
ACCOUNT = b"account-1......."
OTHER_ACCOUNT = b"account-2......."
INDEX, OTHER_INDEX, THIRD_INDEX = b"index-of-an-iban", b"index-of-another", b"index-of-a-third"
FEED = b"bank-feed......."
DOCUMENT = b"d" * 32


def alias(
    world: Any, owner: bytes = ANNA, account: bytes = ACCOUNT, mirror: bool = False, index: bytes = INDEX
) -> NewAlias:
    """Describes an alias in the first platform's book."""
    feed = FEED if mirror else b""
    return NewAlias(
        world.platform, account, owner, mirror, index, lambda stream, version: stream + bytes([version]), feed
    )


def claimed(world: Any, owner: bytes = ANNA, index: bytes = INDEX, account: bytes = ACCOUNT) -> Any:
    """Has the first platform claim an IBAN; returns the claim."""
    world.happens(aliases.claim(*world.of_aliases, alias(world, owner, account, index=index), server(world)))
    return world.aliases.claim(owner, index)


def confirmed(world: Any, owner: bytes = ANNA, index: bytes = INDEX) -> None:
    """Has the first platform claim an IBAN, and the bank confirm it."""
    world.happens(aliases.confirm(world.aliases, claimed(world, owner, index), DOCUMENT, FEED))


def server(world: Any) -> Actor:
    """Returns the first platform's server."""
    made: Actor = world.server(world.platform)
    return made


def change(world: Any, action: Action, owner: bytes = ANNA, index: bytes = INDEX) -> list[Any]:
    """Has two operators change an IBAN; returns the events."""
    wanted = Change(action, world.platform, owner, index, DOCUMENT)
    made: list[Any] = world.happens(aliases.change(world.aliases, wanted, world.alice))
    return made


@pytest.fixture(autouse=True)
def people(world: Any) -> None:
    """Anna and Bert are parties of the first platform."""
    for party in (ANNA, BERT):
        world.happens(parties.register(*world.of_parties, world.party(party, party.decode()), server(world)))


def test_claim_stands_for_nothing_until_it_is_confirmed(world: Any) -> None:
    """A claim is sealed for the version it stands at and repeats harmlessly; confirmed, the IBAN is the account's."""
    (event,) = world.happens(aliases.claim(*world.of_aliases, alias(world), server(world)))
    assert event.iban == alias_stream(ANNA, INDEX) + b"\x01"
    assert not world.aliases.aliases
    assert aliases.claim(*world.of_aliases, alias(world), server(world)) == []
    world.happens(aliases.confirm(world.aliases, world.aliases.claim(ANNA, INDEX), DOCUMENT, FEED))
    assert world.aliases.aliases[INDEX] == Alias(world.platform, ACCOUNT, ANNA, False, version=2)
    assert not world.aliases.claims
    assert aliases.claim(*world.of_aliases, alias(world), server(world)) == []
    with pytest.raises(ExistsWithDifferentData):
        aliases.claim(*world.of_aliases, alias(world, account=OTHER_ACCOUNT), server(world))


def test_anybody_claims_what_is_taken_and_never_gets_it(world: Any) -> None:
    """A claim on an IBAN that stands for another's account is made as any; confirming it is refused."""
    confirmed(world)
    claim = claimed(world, BERT, account=OTHER_ACCOUNT)
    with pytest.raises(IbanTaken):
        aliases.confirm(world.aliases, claim, DOCUMENT, FEED)
    with pytest.raises(IbanTaken):
        change(world, Action.CONFIRM, BERT)
    assert world.aliases.aliases[INDEX].owner == ANNA


def test_of_many_claims_the_confirmed_one_alone_is_gone(world: Any) -> None:
    """The others stay claims, found by their IBAN and by their owners."""
    for owner in (ANNA, BERT):
        claimed(world, owner)
    claimed(world, BERT, OTHER_INDEX)
    assert [each.owner for each in world.aliases.claims_on(INDEX)] == [BERT, ANNA]
    assert [each.iban_index for each in world.aliases.claimed_by(BERT)] == [OTHER_INDEX, INDEX]
    change(world, Action.CONFIRM, BERT)
    assert [each.owner for each in world.aliases.claims_on(INDEX)] == [ANNA]
    assert [each.iban_index for each in world.aliases.claimed_by(BERT)] == [OTHER_INDEX]


def test_claim_that_has_changed_is_not_confirmed(world: Any) -> None:
    """What was looked at is what is confirmed: a claim removed and made again is another."""
    claim = claimed(world)
    change(world, Action.REMOVE)
    claimed(world)
    with pytest.raises(AliasNotFound):
        aliases.confirm(world.aliases, claim, DOCUMENT, FEED)


def test_two_people_remove_and_the_iban_is_free(world: Any) -> None:
    """Removed, an IBAN stands for nothing, may be claimed again by the same stream, and by others."""
    confirmed(world)
    (removed,) = change(world, Action.REMOVE)
    assert (removed.released, removed.evidence_sha256) == (True, DOCUMENT)
    assert INDEX not in world.aliases.aliases
    assert INDEX not in world.aliases.retired
    again = claimed(world)
    assert again.version == world.versions[alias_stream(ANNA, INDEX)] == 4
    with pytest.raises(AliasNotFound):
        change(world, Action.REMOVE, BERT)


def test_two_people_move_an_iban(world: Any) -> None:
    """Moved, it stands for the claimant's account, and for the other's no more; the other may claim it again."""
    confirmed(world)
    claimed(world, BERT, account=OTHER_ACCOUNT)
    change(world, Action.MOVE, BERT)
    assert world.aliases.aliases[INDEX].account == OTHER_ACCOUNT
    assert (list(world.aliases.held_by(ANNA)), list(world.aliases.held_by(BERT))) == ([], [INDEX])
    assert change(world, Action.MOVE, BERT) == []
    claimed(world)
    change(world, Action.MOVE)
    assert world.aliases.aliases[INDEX].account == ACCOUNT


def test_foreign_tenant_and_foreign_owner_are_as_missing(world: Any) -> None:
    """A platform claims in its own book only, and only for its own parties."""
    with pytest.raises(TenantNotFound):
        aliases.claim(*world.of_aliases, alias(world), world.server(world.other))
    with pytest.raises(PartyNotFound):
        aliases.claim(*world.of_aliases, alias(world, owner=b"party-nobody...."), server(world))
    foreign = Change(Action.REMOVE, world.other, ANNA, INDEX, DOCUMENT)
    confirmed(world)
    with pytest.raises(AliasNotFound):
        aliases.change(world.aliases, foreign, world.alice)


def test_bank_mirror_needs_an_operator(world: Any) -> None:
    """Only an operator says which account at which bank holds a platform's clients' money."""
    mirror = alias(world, owner=world.platform, mirror=True)
    about = (world.aliases, world.principal_queries, mirror)
    with pytest.raises(PrincipalNotFound):
        aliases.register_mirror(*about, Actor(world.alice, None))
    world.first(FEED, Kind.BANK_FEED)
    with pytest.raises(OperatorRequired):
        aliases.register_mirror(*about, server(world))
    world.happens(aliases.register_mirror(*about, Actor(world.alice, None)))
    assert world.aliases.aliases[INDEX].bank_mirror
    assert aliases.register_mirror(*about, Actor(world.alice, None)) == []
    confirmed(world, index=OTHER_INDEX)
    other = alias(world, owner=world.platform, mirror=True, index=OTHER_INDEX)
    with pytest.raises(IbanTaken):
        aliases.register_mirror(world.aliases, world.principal_queries, other, Actor(world.alice, None))
    with pytest.raises(InvalidArgument):
        alias(world, owner=ANNA, mirror=True)
    with pytest.raises(InvalidArgument):
        NewAlias(world.platform, ACCOUNT, world.platform, True, INDEX, lambda stream, version: b"")


def test_an_erased_clients_ibans_stay_taken(world: Any) -> None:
    """They stand for nothing, and nobody else ever gets them; his claims are gone and hold nothing."""
    for index in (INDEX, OTHER_INDEX):
        confirmed(world, index=index)
    claimed(world, index=THIRD_INDEX)
    world.happens(aliases.remove_all(world.aliases, world.platform, ANNA, world.alice))
    world.happens(parties.erase(*world.of_parties, world.platform, ANNA, world.alice))
    assert not world.aliases.aliases
    assert not world.aliases.claims
    kept = Retired(world.platform, ANNA)
    assert dict(world.aliases.retired) == dict.fromkeys([INDEX, OTHER_INDEX], kept)
    claimed(world, BERT)
    for action in (Action.CONFIRM, Action.MOVE):
        with pytest.raises(IbanTaken):
            change(world, action, BERT)


def test_registration_of_an_earlier_release_is_active(world: Any) -> None:
    """What a store of old says is registered, stands for its account without a claim, and frees what was retired."""
    old = AliasRegistered(world.platform, ANNA, INDEX, ACCOUNT, False, b"sealed", world.platform)
    world.happens([old])
    assert world.aliases.aliases[INDEX].account == ACCOUNT
    world.happens([AliasRemoved(world.platform, ANNA, INDEX, world.alice)])
    world.happens([AliasRegistered(world.platform, BERT, INDEX, OTHER_ACCOUNT, False, b"sealed", world.platform)])
    assert (world.aliases.aliases[INDEX].owner, dict(world.aliases.retired)) == (BERT, {})


@pytest.mark.parametrize("gone", [INDEX, OTHER_INDEX, THIRD_INDEX])
def test_any_alias_of_an_owner_may_be_the_one_removed(world: Any, gone: bytes) -> None:
    """Whichever goes, the owner keeps the others in their order, and a rollback brings it back to its place."""
    held = [THIRD_INDEX, OTHER_INDEX, INDEX]
    for index in reversed(held):
        confirmed(world, index=index)
    world.journal.clear()
    before = world.aliases.digest()
    world.happens([AliasRemoved(world.platform, ANNA, gone, world.alice)])
    assert list(world.aliases.held_by(ANNA)) == [index for index in held if index != gone]
    world.journal.rollback()
    assert (list(world.aliases.held_by(ANNA)), world.aliases.digest()) == (held, before)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ugo  Féron", "UGO FÉRON"), ("O'Neil, Ann", "O\u2019Neil Ann"), ("\ufb01ne", "FINE"), ("José", "Jose\u0301")],
)
def test_names_are_the_same_however_they_are_typed(one: str, other: str) -> None:
    """Case, spaces, punctuation, compatibility and composition do not make another name."""
    assert is_same_name(one, other)


@pytest.mark.parametrize(("one", "other"), [("", ""), ("...", "-"), ("Ann Neil", "Ann Nell"), ("Ann", "")])
def test_other_names_are_others(one: str, other: str) -> None:
    """One letter is enough, and nothing is nobody's name."""
    assert not is_same_name(one, other)


def waits(payload: Any, tenant: bytes) -> Proposal:
    """Returns a proposal of a module's payload."""
    nobody = Hand(b"", b"", b"", b"")
    return Proposal(b"p" * 16, "", tenant, tenant, plain.encode(payload), b"", nobody, 0, 0)


def effect(world: Any, name: str) -> Effect:
    """Returns what two operators do with IBANs."""
    effects = AliasActs(world.aliases, world.principal_queries, Proposals(None, None)).effects()  # type: ignore[arg-type]
    return next(each for each in effects if each.name == name)


def test_the_second_person_reads_whose_iban_is_taken_from_whom(world: Any) -> None:
    """Every owner and account that a move concerns is named, and so is the document."""
    confirmed(world)
    claimed(world, BERT, account=OTHER_ACCOUNT)
    wanted = [Change(Action.MOVE, world.platform, BERT, INDEX, DOCUMENT)]
    shown = effect(world, CHANGES).describe(waits(wanted, world.platform))
    for named in (ANNA, BERT, ACCOUNT, OTHER_ACCOUNT, world.platform):
        assert show(named) in shown
    assert DOCUMENT.hex() in shown


@pytest.mark.parametrize("stopped", ["feed", "platform"])
def test_a_mirror_of_who_is_stopped_is_void_and_not_carried_out(world: Any, stopped: str) -> None:
    """A suspended feed or platform is another basis than before, and refused when it is carried out."""
    world.first(FEED, Kind.BANK_FEED)
    operator = Actor(world.alice, None)
    new = alias(world, world.platform, mirror=True)
    mirrors = aliases.register_mirror(world.aliases, world.principal_queries, new, operator)
    proposal, known = waits(mirrors, world.platform), effect(world, MIRRORS)
    shown = known.describe(proposal)
    for named in (FEED, ACCOUNT, world.platform):
        assert show(named) in shown
    before = known.basis(proposal)
    who = FEED if stopped == "feed" else world.platform
    world.happens(principals.suspend(world.principals, who, "stolen", world.alice))
    assert known.basis(proposal) != before
    with pytest.raises(PrincipalNotActive if stopped == "feed" else TenantNotFound):
        known.carry_out(None, proposal, proposal.proposer)  # type: ignore[arg-type]
