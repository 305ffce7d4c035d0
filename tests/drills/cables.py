"""Stacks whose services reach everything by ways that can be cut: to the database a way of each process of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ringfence_bootstrap.description import SERVICES
from ringfence_local_stack.processes.ways import Ways
from ringfence_local_stack.sandbox.stacks import empty_stack
from ringfence_local_stack.servers.postgres import FLEETING
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_local_stack.stack.running import service_of

from .work import Work, at_work

POSTGRES = "postgres"


@dataclass(frozen=True)
class Cables:
    """A platform at work behind cables that can be cut; those to PostgreSQL are named `postgres PART`."""

    ways: Ways
    work: Work

    @contextmanager
    def cut(self, name: str) -> Iterator[None]:
        """Cuts the ways to something for the block; those to PostgreSQL all at once, unless a process is named."""
        parts = self.work.parts if name == POSTGRES else ()
        names = [way_to_postgres(part) for part in parts] or [name]
        for each in names:
            self.ways.cut(each)
        try:
            yield
        finally:
            for each in names:
                self.ways.mend(each)


def way_to_postgres(part: str) -> str:
    """Returns the name of the way that one process has to PostgreSQL."""
    return f"{POSTGRES} {part}"


@contextmanager
def cables(standbys: Sequence[str] = ()) -> Iterator[Cables]:
    """Starts a stack of its own, all of whose ways are whole, with clients at work there."""
    with Ways() as ways, empty_stack(lambda what: None, postgres_settings=FLEETING, standbys=standbys) as stack:
        _lead_through(ways, stack)
        with at_work(stack) as work:
            yield Cables(ways, work)


def _lead_through(ways: Ways, stack: LocalStack) -> None:
    """Starts every service again with ways to everything that it talks to."""
    running, port = stack.running, stack.postgres.port
    shared = {
        "RINGFENCE_NATS_URL": f"tls://{ways.to('nats', running.nats_port)}",
        "VAULT_ADDR": f"https://{ways.to('vault', _port_of(running.vault_address))}",
    }
    for service in SERVICES:
        processes = running.addresses[service].split(",")
        variable = f"RINGFENCE_{service.replace('-', '_').upper()}_ADDRESS"
        shared[variable] = ",".join(ways.to(service, _port_of(each)) for each in processes)
    settings = running.service_settings
    assert isinstance(settings, dict)
    for part in (part for part in stack.parts if service_of(part) in SERVICES):
        url = running.databases[service_of(part)].app_url
        own = url.replace(f"127.0.0.1:{port}", ways.to(way_to_postgres(part), port))
        assert own != url
        settings[part] = {**settings.get(part, {}), **shared, "RINGFENCE_DATABASE_URL": own}
        stack.restart(part)


def _port_of(address: str) -> int:
    return int(address.rpartition(":")[2])
