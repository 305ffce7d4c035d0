"""Cables that are cut without a word: what stands on the far end is missed by name, and nothing else stops.

Each service reaches PostgreSQL, NATS, OpenBao and its peers through ways that swallow every byte while they are cut.
Nobody is told: connections stay open. The clients' own ways stay whole.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from ringfence_bootstrap.description import SERVICES
from ringfence_local_stack.processes.ways import Ways
from ringfence_local_stack.sandbox.stacks import empty_stack
from ringfence_local_stack.servers.postgres import FLEETING
from ringfence_local_stack.stack.local_stack import LocalStack

from .work import Work, at_work, await_true

CUT_SECONDS = 8.0
NOTICED_SECONDS = 8.0
"""A lease, and what a slow machine adds."""
RECOVERED_SECONDS = 20.0


@dataclass(frozen=True)
class Cut:
    """What is cut off, and which services go on without it."""

    name: str
    unmoved: tuple[str, ...]
    told: tuple[str, ...] = ()
    """Whose health says that it does not serve."""

    def __str__(self) -> str:
        return self.name


# Identity's client waits with an erasure, which asks custody and payment-instruction what stands against it.
WITHOUT_ERASURES = tuple(each for each in SERVICES if each != "identity")
CUTS = (
    Cut("postgres", (), SERVICES),
    Cut("nats", SERVICES),
    Cut("vault", ("custody", "audit")),
    Cut("identity", ("identity", "custody", "audit")),
    Cut("custody", WITHOUT_ERASURES),
    Cut("payment-instruction", WITHOUT_ERASURES),
)


@dataclass(frozen=True)
class Cables:
    """A platform at work behind cables that can be cut."""

    ways: Ways
    work: Work


@pytest.fixture(scope="module")
def cables() -> Iterator[Cables]:
    """A stack of its own, all of whose ways are whole."""
    with Ways() as ways, empty_stack(lambda what: None, postgres_settings=FLEETING) as stack:
        lead_through(ways, stack)
        with at_work(stack) as work:
            yield Cables(ways, work)


def lead_through(ways: Ways, stack: LocalStack) -> None:
    """Starts every service again with ways to everything that it talks to."""
    running = stack.running
    database = ways.to("postgres", stack.postgres.port)
    shared = {
        "RINGFENCE_NATS_URL": f"tls://{ways.to('nats', running.nats_port)}",
        "VAULT_ADDR": f"https://{ways.to('vault', port_of(running.vault_address))}",
    }
    for service in SERVICES:
        variable = f"RINGFENCE_{service.replace('-', '_').upper()}_ADDRESS"
        shared[variable] = ways.to(service, port_of(running.listens[service]))
    for service in SERVICES:
        url = running.databases[service].app_url.replace(f"127.0.0.1:{stack.postgres.port}", database)
        settings = running.service_settings[service]
        assert isinstance(settings, dict)
        settings.update(shared | {"RINGFENCE_DATABASE_URL": url})
        stack.restart(service)


def port_of(address: str) -> int:
    """Returns the port of an address that ends with one."""
    return int(address.rpartition(":")[2])


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_what_is_cut_off_is_missed_and_nothing_else_stops(cables: Cables, cut: Cut) -> None:
    """Services that do not need it go on; those that do say so in their health, and go on once it is back."""
    work = cables.work
    work.await_writes(*SERVICES, seconds=RECOVERED_SECONDS)
    cables.ways.cut(cut.name)
    started = time.monotonic()
    try:
        for service in cut.told:
            noticed = await_true(lambda each=service: not work.says_serving(each), NOTICED_SECONDS)
            print(f"{cut}: {service} says so after {noticed:.1f} s")
        if cut.unmoved:
            print(f"{cut}: meanwhile", work.await_writes(*cut.unmoved, seconds=CUT_SECONDS))
        time.sleep(max(0.0, started + CUT_SECONDS - time.monotonic()))
        if cut.unmoved:
            print(f"{cut}: later", work.await_writes(*cut.unmoved, seconds=CUT_SECONDS))
    finally:
        cables.ways.mend(cut.name)
    print(f"{cut}: afterwards", work.await_writes(*SERVICES, seconds=RECOVERED_SECONDS))
    for service in SERVICES:
        await_true(lambda each=service: work.says_serving(each), RECOVERED_SECONDS)
