"""Grants: what regulators and auditors may read, for which case, and for how long."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from ringfence_identity.principals.application.granting import shown_grant
from ringfence_identity.principals.domain import grants, principals
from ringfence_identity.principals.domain.errors import ExistsWithDifferentData, PrincipalNotActive, TenantNotFound
from ringfence_identity.principals.domain.grants import NewGrant
from ringfence_identity.principals.domain.roles import Kind
from ringfence_identity.principals.domain.state import State
from ringfence_identity.tokens.domain import access
from ringfence_identity.tokens.domain.assertions import Assertion
from ringfence_identity.tokens.domain.bearers import Presented
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.writing import plain

SECOND = 10**9
READER, OTHER = b"a-regulator.....", b"another.........."[:16]
GRANT = b"grant-id........"


def new(**changes: Any) -> NewGrant:
    """A grant of everything for a case."""
    return replace(NewGrant((), (), 0, 0, "case 7"), **changes)


def register(world: Any, grant: NewGrant | None, kind: Kind = Kind.REGULATOR, name: bytes = READER) -> None:
    """Has a reader registered with a grant, by two people."""
    described = replace(world.principal(name, kind), grant=grant, certificate_sha256=b"c" * 32)
    world.happens(principals.register(*world.of_principals, described, world.alice, world.now_ns, GRANT))


def token(world: Any, name: bytes = READER) -> access.AccessGrant:
    """Asks for a token."""
    assertion = Assertion(name, b"assertion.......", world.now_ns + 300 * SECOND, b"k" * 32)
    held = Presented(name, b"c" * 32)
    return access.grant_access(*world.of_tokens, assertion, held, frozenset(), b"t" * 16, world.now_ns, 0)


def test_a_reader_is_registered_with_what_it_reads(world: Any) -> None:
    """Registration and grant are one commit: at no moment does it read more."""
    given = new(platforms=(world.platform,), jurisdictions=("DE",), from_ns=1, until_ns=2 + world.now_ns)
    register(world, given)
    held = world.principals.grants[READER]
    assert (held.id, held.platforms, held.jurisdictions, held.case_reference) == (
        GRANT,
        (world.platform,),
        ("DE",),
        "case 7",
    )
    register(world, None)
    with pytest.raises(ExistsWithDifferentData):
        register(world, replace(given, jurisdictions=()))


def test_tokens_are_given_from_the_beginning_of_a_grant_until_its_end(world: Any) -> None:
    """None before, none after, and none lives longer than the grant."""
    begins_ns, ends_ns = world.now_ns + 60 * SECOND, world.now_ns + 120 * SECOND
    register(world, new(from_ns=begins_ns, until_ns=ends_ns))
    with pytest.raises(PrincipalNotActive):
        token(world)
    world.now_ns = begins_ns
    made = token(world)
    assert made.expires_ns == ends_ns // SECOND * SECOND
    assert access.access_claims(made, "issuer")["until"] == ends_ns // SECOND
    world.now_ns = ends_ns
    with pytest.raises(PrincipalNotActive):
        token(world)


def test_a_role_ends_a_grant_that_lasts_longer(world: Any) -> None:
    """Whichever is first ends it, and a longer role makes no grant longer."""
    register(world, new(until_ns=world.now_ns + 60 * SECOND))
    reader = world.principals.principals[READER]
    assert world.principals.ends_ns(reader) == world.now_ns + 60 * SECOND
    world.happens(principals.renew(world.principals, READER, world.now_ns + 30 * SECOND, world.bob, world.now_ns))
    assert world.principals.ends_ns(world.principals.principals[READER]) == world.now_ns + 30 * SECOND


def test_a_grant_takes_the_place_of_the_one_before(world: Any) -> None:
    """Nothing is left of it; the same again changes nothing, and keeps its id."""
    register(world, new(platforms=(world.platform,)))
    given = new(jurisdictions=("FR",), case_reference="case 8")
    world.happens(grants.grant(world.principals, READER, given, OTHER, world.bob, world.now_ns))
    held = world.principals.grants[READER]
    assert (held.id, held.platforms, held.jurisdictions) == (OTHER, (), ("FR",))
    assert grants.grant(world.principals, READER, given, GRANT, world.bob, world.now_ns) == []


def test_grants_are_for_readers_of_platforms_that_exist(world: Any) -> None:
    """An operator reads nothing by a grant; whoever is no platform is named; a grant that is over is none."""
    with pytest.raises(InvalidArgument):
        register(world, new(), Kind.OPERATOR, OTHER)
    with pytest.raises(InvalidArgument):
        grants.grant(world.principals, world.bob, new(), GRANT, world.alice, world.now_ns)
    for platforms in ((world.alice,), (b"no-such-platform",)):
        with pytest.raises(TenantNotFound):
            register(world, new(platforms=platforms))
    with pytest.raises(InvalidArgument):
        register(world, new(until_ns=world.now_ns))


@pytest.mark.parametrize(
    "changes",
    [
        {"platforms": (b"short",)},
        {"platforms": (READER, READER)},
        {"platforms": tuple(b"platform-%02d....." % each for each in range(31))},
        {"jurisdictions": ("de",)},
        {"jurisdictions": ("UK",)},
        {"jurisdictions": ("XX",)},
        {"jurisdictions": ("DE", "DE")},
        {"from_ns": 5, "until_ns": 5},
        {"case_reference": ""},
        {"case_reference": "x" * 141},
    ],
)
def test_malformed_grants_are_refused(changes: dict[str, Any]) -> None:
    """Each field is looked at."""
    with pytest.raises(InvalidArgument):
        new(**changes)


def test_a_platform_has_one_country(world: Any) -> None:
    """It is stated of platforms alone; another one takes its place, the same again changes nothing."""
    for code in ("DE", "FR"):
        world.happens(grants.state_jurisdiction(world.principals, world.platform, code, world.alice))
    assert world.principals.jurisdictions == {world.platform: "FR"}
    assert grants.state_jurisdiction(world.principals, world.platform, "FR", world.bob) == []
    with pytest.raises(TenantNotFound):
        grants.state_jurisdiction(world.principals, world.alice, "FR", world.bob)
    with pytest.raises(InvalidArgument):
        grants.state_jurisdiction(world.principals, world.platform, "fr", world.bob)


def test_a_state_without_grants_has_the_digest_of_the_release_before(world: Any) -> None:
    """Who has granted nothing may take an upgrade back; whoever has is not mistaken for that."""
    kept = world.principals.principals
    before = sha256(plain.encode([kept[each] for each in sorted(kept)])).digest()
    assert world.principals.digest() == before
    world.happens(grants.state_jurisdiction(world.principals, world.platform, "DE", world.alice))
    assert State(dict(world.principals.principals)).digest() != world.principals.digest()


def test_what_is_widest_is_read_first(world: Any) -> None:
    """The second person is told that it is everything, where it is."""
    assert "ALL platforms" in shown_grant(None)
    assert "ALL platforms" in shown_grant(new())
    assert "ALL" not in shown_grant(new(platforms=(world.platform,)))
    assert "case 7" in shown_grant(new(jurisdictions=("DE",)))
