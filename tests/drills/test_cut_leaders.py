"""The cable of a leader to the database is cut, and nobody else's: whoever stands by goes on for it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from ringfence_bootstrap.description import SERVICES
from ringfence_local_stack.stack.running import service_of

from .cables import Cables, cables, way_to_postgres
from .work import Work, await_true

GOES_ON_SECONDS = 20.0
"""A lease, and what the writer had locked in the middle of a commit (5 s), a client that asks the other address, and as
much again for a loaded machine.
"""
CUT_SECONDS = 8.0
RECOVERED_SECONDS = 40.0


@pytest.fixture(scope="module")
def whole() -> Iterator[Cables]:
    """A stack with two processes of each service, all of whose ways are whole."""
    with cables(standbys=SERVICES) as made:
        yield made


def leader_of(work: Work, service: str) -> str:
    """Returns the one process that says that it leads."""
    leaders: list[str] = []

    def is_one() -> bool:
        leaders[:] = [part for part in work.parts if service_of(part) == service and work.says_serving(part)]
        return len(leaders) == 1

    await_true(is_one, RECOVERED_SECONDS)
    return leaders[0]


@pytest.mark.parametrize("service", SERVICES)
def test_a_leader_cut_off_from_its_database_is_replaced(whole: Cables, service: str) -> None:
    """All services write again within bounds while it is cut off, and says so; mended, it stands by."""
    work = whole.work
    work.await_writes(*SERVICES, seconds=RECOVERED_SECONDS)
    leader = leader_of(work, service)
    started = time.monotonic()
    with whole.cut(way_to_postgres(leader)):
        print(f"{leader} cut off:", work.await_writes(service, seconds=GOES_ON_SECONDS))
        print("all go on:", work.await_writes(*SERVICES, seconds=GOES_ON_SECONDS))
        await_true(lambda: not work.says_serving(leader), GOES_ON_SECONDS)
        successor = leader_of(work, service)
        assert successor != leader
        time.sleep(max(0.0, started + CUT_SECONDS - time.monotonic()))
        work.await_writes(*SERVICES, seconds=GOES_ON_SECONDS)
    if work.stack.parts[leader].pid is None:
        # What it had begun was not settled in time, and whoever supervises it starts it again.
        print(f"{leader} has ended")
        work.stack.parts[leader].start()
    await_true(lambda: work.stack.service(leader).is_healthy(), RECOVERED_SECONDS)
    assert leader_of(work, service) == successor
    work.await_writes(*SERVICES, seconds=RECOVERED_SECONDS)
