"""Principals: who registers them, who confirms them, and how their keys follow one another."""

from dataclasses import replace
from typing import Any

import pytest
from ringfence_identity.principals.domain import principals
from ringfence_identity.principals.domain.errors import (
    ExistsWithDifferentData,
    OperatorRequired,
    PersonNotFound,
    PrincipalNotActive,
    PrincipalNotFound,
    TenantNotFound,
)
from ringfence_identity.principals.domain.principals import FirstPrincipal, NewPrincipal
from ringfence_identity.principals.domain.roles import SCOPES_OF_KIND, Kind
from ringfence_identity.principals.domain.state import Principal
from ringfence_kernel.values.errors import InvalidArgument

SECOND = 10**9


DAYS = 86_400 * SECOND


def registered(world: Any, kind: Kind, name: bytes, **changes: Any) -> Principal:
    """Has a principal registered; returns it as it is kept."""
    new = replace(world.principal(name, kind, changes.pop("tenant", b"")), **changes)
    world.happens(principals.register(*world.of_principals, new, world.alice, world.now_ns))
    kept: Principal = world.principals.principals[name]
    return kept


def test_a_registered_principal_is_a_person_of_its_own(world: Any) -> None:
    """Whoever names no person is one, known by the principal's id; a further key of somebody names it."""
    first = registered(world, Kind.OPERATOR, b"third-operator..")
    second = registered(world, Kind.OPERATOR, b"further-key.....", person=first.id)
    assert (first.person, second.person) == (first.id, first.id)
    assert {each.id for each in world.principals.of_person(first.id)} == {first.id, second.id}


def test_a_further_key_is_of_somebody_known_with_the_same_role(world: Any) -> None:
    """Nobody becomes a person that is none, nor gets a second role or a second platform by a second key."""
    registered(world, Kind.REGULATOR, b"a-regulator.....")
    for kind, person in ((Kind.OPERATOR, b"nobody.........."), (Kind.OPERATOR, b"a-regulator.....")):
        with pytest.raises(PersonNotFound):
            registered(world, kind, b"further-key.....", person=person)
    for kind, changes in ((Kind.PLATFORM, {"person": world.alice}), (Kind.BANK_FEED, {"until_ns": 1})):
        with pytest.raises(InvalidArgument):
            registered(world, kind, b"a-machine.......", **changes)


@pytest.mark.parametrize(
    ("kind", "days"), [(Kind.OPERATOR, 180), (Kind.REGULATOR, 365), (Kind.AUDITOR, 365), (Kind.BANK_FEED, 0)]
)
def test_roles_of_people_end_by_date(world: Any, kind: Kind, days: int) -> None:
    """A role lasts as long as it may where nothing else is said, never longer; machines have no end."""
    kept = registered(world, kind, b"new-principal...")
    assert kept.until_ns == (world.now_ns + days * DAYS if days else 0)
    if days:
        for until_ns in (world.now_ns, world.now_ns + days * DAYS + 1):
            with pytest.raises(InvalidArgument):
                registered(world, kind, b"another.........", until_ns=until_ns)
        assert registered(world, kind, b"another.........", until_ns=world.now_ns + 1).has_lapsed(world.now_ns + 1)


def test_a_role_is_renewed_from_now_on(world: Any) -> None:
    """A renewed role ends at the new date; the same again changes nothing; machines have none to renew."""
    until_ns = world.now_ns + 10 * DAYS
    world.happens(principals.renew(world.principals, world.alice, until_ns, world.bob, world.now_ns))
    assert world.principals.principals[world.alice].until_ns == until_ns
    assert principals.renew(world.principals, world.alice, until_ns, world.bob, world.now_ns) == []
    for principal, end_ns in ((world.platform, until_ns), (world.alice, 0), (world.alice, world.now_ns + 181 * DAYS)):
        with pytest.raises(InvalidArgument):
            principals.renew(world.principals, principal, end_ns, world.bob, world.now_ns)


def test_registering_again_changes_nothing_and_differing_is_refused(world: Any) -> None:
    """The same registration is done already, also after a key rotation; another name under the id is refused."""
    new = world.principal(world.platform, Kind.PLATFORM)
    world.happens(principals.rotate_key(world.principals, world.platform, world.a_key(b"k"), 0, world.now_ns))
    assert principals.register(*world.of_principals, new, world.bob, world.now_ns) == []
    renamed = NewPrincipal(new.id, new.kind, "another name", new.tenant, new.public_key)
    with pytest.raises(ExistsWithDifferentData):
        principals.register(*world.of_principals, renamed, world.bob, world.now_ns)


def test_approver_needs_a_platform_that_exists(world: Any) -> None:
    """An approver is registered for an active platform or not at all."""
    with pytest.raises(TenantNotFound):
        principals.register(
            *world.of_principals,
            world.principal(b"approver........", Kind.PLATFORM_APPROVER, b"no-such-platform"),
            world.alice,
            world.now_ns,
        )
    with pytest.raises(InvalidArgument):
        world.principal(b"approver........", Kind.PLATFORM_APPROVER)


def test_suspended_platform_stops_its_people(world: Any) -> None:
    """Suspension reaches whoever belongs to the platform, and so does its end."""
    approver = registered(world, Kind.PLATFORM_APPROVER, b"approver........", tenant=world.platform)
    world.happens(principals.suspend(world.principals, world.platform, "order 7", world.alice))
    assert not world.principals.is_active(approver)
    assert not world.principals.is_tenant(world.platform)
    world.happens(principals.activate(world.principals, world.platform, world.bob))
    assert world.principals.is_active(approver)
    assert principals.activate(world.principals, world.platform, world.bob) == []


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
        principals.activate(world.principals, b"nobody..........", world.alice)
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


def test_two_operators_last_as_long_as_the_second_last_of_them(world: Any) -> None:
    """Two principals of one person count once, suspended and lapsed ones not at all; nobody lasts beyond the bound."""
    now_ns, latest_ns = world.now_ns, world.now_ns + 180 * DAYS
    registered(world, Kind.OPERATOR, b"alice-again.....", person=world.alice)
    world.happens(principals.renew(world.principals, world.bob, now_ns + DAYS, world.alice, now_ns))
    until = world.principals.two_operators_until_ns
    assert until(now_ns, latest_ns) == now_ns + DAYS
    assert until(now_ns + DAYS, latest_ns) == now_ns + DAYS
    registered(world, Kind.OPERATOR, b"third-operator..")
    assert until(now_ns, latest_ns) == latest_ns
    for operator in (world.alice, b"alice-again....."):
        world.happens(principals.suspend(world.principals, operator, "left", world.bob))
    assert until(now_ns, latest_ns) == now_ns + DAYS
