"""How many people may act as operators, as telemetry sees them."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint
from ringfence_identity.principals.domain import principals
from ringfence_identity.principals.domain.principals import NewPin, NewPrincipal
from ringfence_identity.principals.domain.roles import Kind
from ringfence_identity.tokens.application.measures import ABLE, LIFETIME, ends_ns, measure
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.values.clock import DAY_NS, NANOSECONDS

from .naming import numbered

CAROL, AGAIN, KEYLESS = numbered(3), numbered(4), numbered(5)
OWN = b"o" * 32
MONTH_NS = 30 * DAY_NS


def able(world: Any) -> int:
    """How many people may act now."""
    return len(ends_ns(world.tokens, world.principal_queries, world.now_ns))


def registered(world: Any, operator: bytes, person: bytes = b"", until_ns: int = 0, certificate: bytes = OWN) -> None:
    """Registers an operator."""
    new = NewPrincipal(operator, Kind.OPERATOR, "operator", b"", world.a_key(operator), person, until_ns, certificate)
    world.happens(principals.register(*world.of_principals, new, world.alice, world.now_ns))


def suspended(world: Any, operator: bytes) -> None:
    """Suspends an operator."""
    world.happens(principals.suspend(world.principals, operator, "left", world.alice))


def test_a_person_is_one_operator(world: Any) -> None:
    """Two principals of a person count once, and the person counts while one of them does; platforms never do."""
    registered(world, AGAIN, person=world.bob)
    assert able(world) == 2
    suspended(world, world.bob)
    assert able(world) == 2
    suspended(world, AGAIN)
    assert able(world) == 1


def test_who_is_suspended_counts_again_once_it_is_lifted(world: Any) -> None:
    """A suspension takes one away, and its end brings it back."""
    suspended(world, world.bob)
    assert able(world) == 1
    world.happens(principals.activate(world.principals, world.bob, world.alice))
    assert able(world) == 2


def test_whose_role_has_ended_does_not_count(world: Any) -> None:
    """It counts to its last moment, and again once two have renewed it."""
    registered(world, CAROL, until_ns=world.now_ns + DAY_NS)
    world.now_ns += DAY_NS - 1
    assert able(world) == 3
    world.now_ns += 1
    assert able(world) == 2
    world.happens(principals.renew(world.principals, CAROL, world.now_ns + DAY_NS, world.alice, world.now_ns))
    assert able(world) == 3


def test_whose_certificate_is_over_or_not_there_does_not_count(world: Any) -> None:
    """Pinned ones count thirty days, whatever the role says; who never had one pinned does not count at all."""
    registered(world, KEYLESS, certificate=b"")
    assert able(world) == 2
    world.now_ns += MONTH_NS - 1
    assert able(world) == 2
    world.now_ns += 1
    assert able(world) == 0
    world.happens(principals.pin(world.principals, NewPin(KEYLESS, OWN), world.alice))
    assert able(world) == 1


async def test_the_leader_alone_tells(world: Any) -> None:
    """Both figures come from the process that leads, and from none whose state is stale."""
    leadership, writer = SimpleNamespace(is_leading=True), SimpleNamespace(is_stale=False)
    clock = SimpleNamespace(now_ns=lambda: world.now_ns)
    reader = InMemoryMetricReader()
    gauges = Gauges(MeterProvider([reader]).get_meter("test"))
    measure(gauges, cast(Any, leadership), cast(Any, writer), world.tokens, world.principal_queries, cast(Any, clock))

    async def shown() -> dict[str, float]:
        data = await asyncio.to_thread(reader.get_metrics_data)
        return {
            metric.name: point.value
            for resource in (data.resource_metrics if data else ())
            for metric in resource.scope_metrics[0].metrics
            for point in metric.data.data_points
            if isinstance(point, NumberDataPoint)
        }

    assert await shown() == {ABLE: 2, LIFETIME: MONTH_NS / NANOSECONDS}
    suspended(world, world.bob)
    assert await shown() == {ABLE: 1, LIFETIME: 0}
    writer.is_stale = True
    assert await shown() == {}
    writer.is_stale, leadership.is_leading = False, False
    assert await shown() == {}
