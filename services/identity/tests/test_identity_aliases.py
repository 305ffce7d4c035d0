"""Aliases: one IBAN, one account, in one tenant's book."""

from typing import Any

import pytest
from ringfence_identity.aliases.domain import aliases
from ringfence_identity.aliases.domain.aliases import NewAlias
from ringfence_identity.aliases.domain.errors import IbanTaken
from ringfence_identity.aliases.domain.events import AliasRemoved, alias_stream
from ringfence_identity.aliases.domain.state import Alias
from ringfence_identity.parties.domain import parties
from ringfence_identity.parties.domain.errors import PartyNotFound
from ringfence_identity.principals.domain.errors import OperatorRequired, PrincipalNotFound, TenantNotFound
from ringfence_identity.principals.domain.principals import Actor
from ringfence_identity.principals.domain.roles import Kind
from ringfence_kernel.values.errors import InvalidArgument

ANNA = b"party-anna......"
ACCOUNT = b"account-1......."
OTHER_ACCOUNT = b"account-2......."
INDEX, OTHER_INDEX, THIRD_INDEX = b"index-of-an-iban", b"index-of-another", b"index-of-a-third"
FEED = b"bank-feed......."


def alias(
    world: Any, owner: bytes = ANNA, account: bytes = ACCOUNT, mirror: bool = False, index: bytes = INDEX
) -> NewAlias:
    """Describes an alias in the first platform's book."""
    feed = FEED if mirror else b""
    return NewAlias(
        world.platform, account, owner, mirror, index, lambda stream, version: stream + bytes([version]), feed
    )


@pytest.fixture(autouse=True)
def anna(world: Any) -> None:
    """Anna is a party of the first platform."""
    world.happens(parties.register(*world.of_parties, world.party(ANNA), world.server(world.platform)))


def test_iban_stands_for_one_account(world: Any) -> None:
    """An alias is found under its index, repeats harmlessly, and cannot be moved to another account."""
    actor = world.server(world.platform)
    (event,) = world.happens(aliases.register(*world.of_aliases, alias(world), actor))
    assert event.iban == alias_stream(ANNA, INDEX) + b"\x01"
    assert world.versions[event.stream] == 1
    assert world.aliases.aliases[INDEX] == Alias(world.platform, ACCOUNT, ANNA, False)
    assert aliases.register(*world.of_aliases, alias(world), actor) == []
    with pytest.raises(IbanTaken):
        aliases.register(*world.of_aliases, alias(world, account=OTHER_ACCOUNT), actor)


def test_foreign_tenant_and_foreign_owner_are_as_missing(world: Any) -> None:
    """A platform can register aliases in its own book only, and only for its own parties."""
    with pytest.raises(TenantNotFound):
        aliases.register(*world.of_aliases, alias(world), world.server(world.other))
    with pytest.raises(PartyNotFound):
        aliases.register(
            world.aliases,
            world.principal_queries,
            world.party_queries,
            alias(world, owner=b"party-nobody...."),
            world.server(world.platform),
        )


def test_bank_mirror_needs_an_operator(world: Any) -> None:
    """Only an operator says which account at which bank holds a platform's clients' money."""
    mirror = alias(world, owner=world.platform, mirror=True)
    with pytest.raises(PrincipalNotFound):
        aliases.register(*world.of_aliases, mirror, Actor(world.alice, None))
    world.first(FEED, Kind.BANK_FEED)
    with pytest.raises(OperatorRequired):
        aliases.register(*world.of_aliases, mirror, world.server(world.platform))
    world.happens(aliases.register(*world.of_aliases, mirror, Actor(world.alice, None)))
    assert world.aliases.aliases[INDEX].bank_mirror
    with pytest.raises(InvalidArgument):
        alias(world, owner=ANNA, mirror=True)
    with pytest.raises(InvalidArgument):
        NewAlias(world.platform, ACCOUNT, world.platform, True, INDEX, lambda stream, version: b"")


def test_erasure_takes_the_aliases_along(world: Any) -> None:
    """An erased party's IBANs stand for nothing, and may stand for somebody else's account afterwards."""
    actor = world.server(world.platform)
    for index in (INDEX, OTHER_INDEX, THIRD_INDEX):
        world.happens(aliases.register(*world.of_aliases, alias(world, index=index), actor))
    assert list(world.aliases.held_by(ANNA)) == [THIRD_INDEX, OTHER_INDEX, INDEX]
    world.happens(aliases.remove_all(world.aliases, world.platform, ANNA, world.alice))
    world.happens(parties.erase(*world.of_parties, world.platform, ANNA, world.alice))
    assert not world.aliases.aliases
    assert not list(world.aliases.held_by(ANNA))
    world.happens(aliases.register(*world.of_aliases, alias(world, owner=world.platform), actor))
    assert world.aliases.aliases[INDEX].owner == world.platform


@pytest.mark.parametrize("gone", [INDEX, OTHER_INDEX, THIRD_INDEX])
def test_any_alias_of_an_owner_may_be_the_one_removed(world: Any, gone: bytes) -> None:
    """Whichever goes, the owner keeps the others in their order, and a rollback brings it back to its place."""
    held = [THIRD_INDEX, OTHER_INDEX, INDEX]
    for index in reversed(held):
        world.happens(aliases.register(*world.of_aliases, alias(world, index=index), world.server(world.platform)))
    world.journal.clear()
    before = world.aliases.digest()
    world.happens([AliasRemoved(world.platform, ANNA, gone, world.alice)])
    assert list(world.aliases.held_by(ANNA)) == [index for index in held if index != gone]
    world.journal.rollback()
    assert (list(world.aliases.held_by(ANNA)), world.aliases.digest()) == (held, before)
