"""Aliases: one IBAN, one account, in one tenant's book."""

from typing import Any

import pytest
from ringfence_identity.domain import aliases, parties
from ringfence_identity.domain.aliases import NewAlias
from ringfence_identity.domain.errors import (
    IbanTaken,
    OperatorRequired,
    PartyNotFound,
    PrincipalNotFound,
    TenantNotFound,
)
from ringfence_identity.domain.events import alias_stream
from ringfence_identity.domain.roles import Kind
from ringfence_identity.domain.state import Actor, Alias
from ringfence_kernel.values.errors import InvalidArgument

ANNA = b"party-anna......"
ACCOUNT = b"account-1......."
OTHER_ACCOUNT = b"account-2......."
INDEX = b"index-of-an-iban"
FEED = b"bank-feed......."


def alias(world: Any, owner: bytes = ANNA, account: bytes = ACCOUNT, mirror: bool = False) -> NewAlias:
    """Describes an alias in the first platform's book."""
    feed = FEED if mirror else b""
    return NewAlias(
        world.platform, account, owner, mirror, INDEX, lambda stream, version: stream + bytes([version]), feed
    )


@pytest.fixture(autouse=True)
def anna(world: Any) -> None:
    """Anna is a party of the first platform."""
    world.happens(parties.register(world.state, world.party(ANNA), world.server(world.platform)))


def test_iban_stands_for_one_account(world: Any) -> None:
    """An alias is found under its index, repeats harmlessly, and cannot be moved to another account."""
    actor = world.server(world.platform)
    (event,) = world.happens(aliases.register(world.state, alias(world), actor))
    assert event.iban == alias_stream(ANNA, INDEX) + b"\x01"
    assert world.versions[event.stream] == 1
    assert world.state.aliases[INDEX] == Alias(world.platform, ACCOUNT, ANNA, False)
    assert aliases.register(world.state, alias(world), actor) == []
    with pytest.raises(IbanTaken):
        aliases.register(world.state, alias(world, account=OTHER_ACCOUNT), actor)


def test_foreign_tenant_and_foreign_owner_are_as_missing(world: Any) -> None:
    """A platform can register aliases in its own book only, and only for its own parties."""
    with pytest.raises(TenantNotFound):
        aliases.register(world.state, alias(world), world.server(world.other))
    with pytest.raises(PartyNotFound):
        aliases.register(world.state, alias(world, owner=b"party-nobody...."), world.server(world.platform))


def test_bank_mirror_needs_an_operator(world: Any) -> None:
    """Only an operator says which account at which bank holds a platform's clients' money."""
    mirror = alias(world, owner=world.platform, mirror=True)
    with pytest.raises(PrincipalNotFound):
        aliases.register(world.state, mirror, Actor(world.alice, None))
    world.first(FEED, Kind.BANK_FEED)
    with pytest.raises(OperatorRequired):
        aliases.register(world.state, mirror, world.server(world.platform))
    world.happens(aliases.register(world.state, mirror, Actor(world.alice, None)))
    assert world.state.aliases[INDEX].bank_mirror
    with pytest.raises(InvalidArgument):
        alias(world, owner=ANNA, mirror=True)
    with pytest.raises(InvalidArgument):
        NewAlias(world.platform, ACCOUNT, world.platform, True, INDEX, lambda stream, version: b"")


def test_erasure_takes_the_aliases_along(world: Any) -> None:
    """An erased party's IBAN stands for nothing, and may stand for somebody else's account afterwards."""
    actor = world.server(world.platform)
    world.happens(aliases.register(world.state, alias(world), actor))
    world.happens(parties.erase(world.state, world.platform, ANNA, world.alice))
    assert INDEX not in world.state.aliases
    world.happens(aliases.register(world.state, alias(world, owner=world.platform), actor))
    assert world.state.aliases[INDEX].owner == world.platform
