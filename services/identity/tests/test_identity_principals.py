"""Principals: who registers them, who confirms them, and how their keys follow one another."""

from typing import Any

import pytest
from ringfence_identity.principals.domain import principals
from ringfence_identity.principals.domain.errors import (
    ExistsWithDifferentData,
    OperatorRequired,
    PrincipalNotActive,
    PrincipalNotFound,
    SecondPersonRequired,
    TenantNotFound,
)
from ringfence_identity.principals.domain.principals import FirstPrincipal, NewPrincipal
from ringfence_identity.principals.domain.roles import SCOPES_OF_KIND, Kind
from ringfence_identity.principals.domain.state import Status
from ringfence_kernel.values.errors import InvalidArgument

SECOND = 10**9


@pytest.fixture
def importer(world: Any) -> NewPrincipal:
    """An importer of the first platform, not registered yet."""
    new: NewPrincipal = world.principal(b"importer........", Kind.IMPORTER, world.platform)
    return new


def test_importer_acts_only_after_a_second_operator_confirmed(world: Any, importer: NewPrincipal) -> None:
    """An importer stays pending when its proposer confirms, and becomes active when another operator does."""
    world.happens(principals.register(*world.of_principals, importer, world.alice))
    assert not world.principals.is_active(world.principals.principals[importer.id])
    with pytest.raises(SecondPersonRequired):
        principals.confirm(world.principals, importer.id, world.alice)
    (event,) = world.happens(principals.confirm(world.principals, importer.id, world.bob))
    assert (event.principal, event.by) == (importer.id, world.bob)
    assert world.principals.is_active(world.principals.principals[importer.id])
    assert principals.confirm(world.principals, importer.id, world.bob) == []


def test_operator_cannot_make_another_alone(world: Any) -> None:
    """A proposed operator can neither confirm itself nor be confirmed by its proposer."""
    third = world.principal(b"third-operator..", Kind.OPERATOR)
    world.happens(principals.register(*world.of_principals, third, world.alice))
    with pytest.raises(OperatorRequired):
        principals.confirm(world.principals, third.id, third.id)
    with pytest.raises(SecondPersonRequired):
        principals.confirm(world.principals, third.id, world.alice)


@pytest.mark.parametrize("kind", [Kind.PLATFORM, Kind.REGULATOR, Kind.BANK_FEED])
def test_other_kinds_need_one_operator(world: Any, kind: Kind) -> None:
    """Kinds outside the two-person rule act at once."""
    new = world.principal(b"new-principal...", kind)
    world.happens(principals.register(*world.of_principals, new, world.alice))
    assert world.principals.principals[new.id].status is Status.ACTIVE


def test_only_operators_register(world: Any) -> None:
    """A platform cannot register anybody, whatever its token said."""
    with pytest.raises(OperatorRequired):
        principals.register(*world.of_principals, world.principal(b"new-principal...", Kind.PLATFORM), world.platform)


def test_registering_again_changes_nothing_and_differing_is_refused(world: Any) -> None:
    """The same registration is done already, also after a key rotation; another name under the id is refused."""
    new = world.principal(world.platform, Kind.PLATFORM)
    world.happens(principals.rotate_key(world.principals, world.platform, world.a_key(b"k"), 0, world.now_ns))
    assert principals.register(*world.of_principals, new, world.bob) == []
    renamed = NewPrincipal(new.id, new.kind, "another name", new.tenant, new.public_key)
    with pytest.raises(ExistsWithDifferentData):
        principals.register(*world.of_principals, renamed, world.bob)


def test_approver_needs_a_platform_that_exists(world: Any) -> None:
    """An approver is registered for an active platform or not at all."""
    with pytest.raises(TenantNotFound):
        principals.register(
            *world.of_principals,
            world.principal(b"approver........", Kind.PLATFORM_APPROVER, b"no-such-platform"),
            world.alice,
        )
    with pytest.raises(InvalidArgument):
        world.principal(b"approver........", Kind.PLATFORM_APPROVER)


def test_suspended_platform_stops_its_people_and_needs_another_operator_to_return(world: Any) -> None:
    """Suspension reaches whoever belongs to the platform and is lifted by an operator other than the one who set it."""
    approver = world.principal(b"approver........", Kind.PLATFORM_APPROVER, world.platform)
    world.happens(principals.register(*world.of_principals, approver, world.alice))
    world.happens(principals.suspend(world.principals, world.platform, "order 7", world.alice))
    assert not world.principals.is_active(world.principals.principals[approver.id])
    assert not world.principals.is_tenant(world.platform)
    with pytest.raises(SecondPersonRequired):
        principals.confirm(world.principals, world.platform, world.alice)
    world.happens(principals.confirm(world.principals, world.platform, world.bob))
    assert world.principals.is_active(world.principals.principals[approver.id])


def test_suspended_operator_loses_power_at_once(world: Any) -> None:
    """An operator whose token still lives can do nothing after being suspended."""
    world.happens(principals.suspend(world.principals, world.bob, "left the company", world.alice))
    with pytest.raises(OperatorRequired):
        principals.suspend(world.principals, world.alice, "revenge", world.bob)


def test_old_key_holds_for_the_overlap_and_no_longer(world: Any) -> None:
    """After a rotation both keys count until the overlap ends; a second rotation does not stretch the first one."""
    old, new, newest = world.a_key(world.platform), world.a_key(b"n"), world.a_key(b"m")
    world.happens(principals.rotate_key(world.principals, world.platform, new, 60, world.now_ns))
    keys = {key.public: key for key in world.principals.principals[world.platform].keys}
    assert keys[old].is_valid(world.now_ns + 59 * SECOND)
    assert not keys[old].is_valid(world.now_ns + 60 * SECOND)
    assert keys[new].is_valid(world.now_ns + 10**6 * SECOND)
    world.happens(principals.rotate_key(world.principals, world.platform, newest, 3600, world.now_ns))
    keys = {key.public: key for key in world.principals.principals[world.platform].keys}
    assert not keys[old].is_valid(world.now_ns + 60 * SECOND)
    assert keys[new].is_valid(world.now_ns + 3599 * SECOND)


def test_rotation_repeats_harmlessly_and_never_goes_back(world: Any) -> None:
    """The newest key again is no change; a replaced key cannot return; a suspended principal cannot rotate."""
    world.happens(principals.rotate_key(world.principals, world.platform, world.a_key(b"n"), 60, world.now_ns))
    assert principals.rotate_key(world.principals, world.platform, world.a_key(b"n"), 60, world.now_ns) == []
    with pytest.raises(InvalidArgument):
        principals.rotate_key(world.principals, world.platform, world.a_key(world.platform), 60, world.now_ns)
    world.happens(principals.suspend(world.principals, world.platform, "order 7", world.alice))
    with pytest.raises(PrincipalNotActive):
        principals.rotate_key(world.principals, world.platform, world.a_key(b"o"), 60, world.now_ns)


def test_unknown_principal_is_not_found(world: Any) -> None:
    """Confirming or suspending nobody is refused by name."""
    with pytest.raises(PrincipalNotFound):
        principals.confirm(world.principals, b"nobody..........", world.alice)
    with pytest.raises(PrincipalNotFound):
        principals.suspend(world.principals, b"nobody..........", "why", world.alice)


def test_bootstrap_admits_no_importer_and_no_foreign_role(world: Any) -> None:
    """The bootstrap file cannot go around the two operators, nor give a kind another kind's role."""
    with pytest.raises(InvalidArgument):
        FirstPrincipal(world.principal(b"new-principal...", Kind.IMPORTER, world.platform), ("importer",))
    with pytest.raises(InvalidArgument):
        FirstPrincipal(world.principal(b"new-principal...", Kind.REGULATOR), ("operator",))


def test_those_who_approve_are_people() -> None:
    """A platform's approver and the custodian's operator approve payments, and nobody else."""
    approving = {kind for kind, scopes in SCOPES_OF_KIND.items() if "payments.approve" in scopes}
    assert approving == {Kind.PLATFORM_APPROVER, Kind.OPERATOR}


def test_duties_are_separate() -> None:
    """No kind can both submit and approve payments, nor both grant roles and move money."""
    for scopes in SCOPES_OF_KIND.values():
        assert not {"payments.submit", "payments.approve"} <= scopes
        assert not {"identity.admin", "custody.transfers.create"} <= scopes
        assert not {"identity.admin", "payments.submit"} <= scopes
