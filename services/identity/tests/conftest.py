"""A small world for the tests of the domain: the state, and events applied to it as a commit would."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from ringfence_identity.domain import evolve, principals
from ringfence_identity.domain.kyc import PartyKind
from ringfence_identity.domain.parties import NewParty
from ringfence_identity.domain.principals import FirstPrincipal, NewPrincipal
from ringfence_identity.domain.roles import ROLE_OF_KIND, Kind
from ringfence_identity.domain.state import Actor, State
from ringfence_kernel.journal import Journal

START_NS = 1_800_000_000 * 10**9


def numbered(number: int) -> bytes:
    """Returns a readable id."""
    return number.to_bytes(16, "big")


@dataclass
class World:
    """State with two operators and two platforms, and a clock in `now_ns`."""

    state: State = field(default_factory=State)
    versions: dict[bytes, int] = field(default_factory=dict)
    journal: Journal = field(default_factory=Journal)
    now_ns: int = START_NS

    alice, bob = numbered(1), numbered(2)
    platform, other = numbered(11), numbered(12)

    def happens(self, events: Sequence[Any]) -> list[Any]:
        """Applies events and returns them."""
        for event in events:
            version = self.versions.get(event.stream, 0) + 1
            self.versions[event.stream] = version
            evolve.apply(self.state, event, version, self.now_ns, self.journal)
        return list(events)

    def first(self, principal: bytes, kind: Kind, certificate: bytes = b"") -> None:
        """Registers by the bootstrap file."""
        new = self.principal(principal, kind)
        self.happens(principals.bootstrap(self.state, FirstPrincipal(new, (ROLE_OF_KIND[kind],), certificate)))

    def principal(self, principal: bytes, kind: Kind, tenant: bytes = b"") -> NewPrincipal:
        """Describes a principal with a key of its own."""
        return NewPrincipal(principal, kind, f"{kind} {principal[-1]}", tenant, principal * 2)

    def server(self, tenant: bytes) -> Actor:
        """Returns the platform's server."""
        return Actor(tenant, tenant)

    def party(self, party: bytes, number: str = "A1", digest: str = "") -> NewParty:
        """Describes a party whose personal data is `number`."""
        return NewParty(
            party,
            PartyKind.PERSON,
            number.encode(),
            (digest or number).encode(),
            lambda version: {"name": b"sealed at %d" % version},
        )


@pytest.fixture
def world() -> World:
    """Two operators, two platforms."""
    made = World()
    for operator in (made.alice, made.bob):
        made.first(operator, Kind.OPERATOR)
    for tenant in (made.platform, made.other):
        made.happens(principals.register(made.state, made.principal(tenant, Kind.PLATFORM), made.alice))
    made.journal.clear()
    return made
