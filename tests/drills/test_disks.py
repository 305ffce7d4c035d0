"""Disks that are full for seconds: logs and snapshots are missed by nobody, room for the database by name."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from ringfence_bootstrap.description import SERVICES

from .disks import Disks, stack_on_small_disks
from .work import Work, at_work, await_true

FULL_SECONDS = 12.0
RECOVERED_SECONDS = 40.0
LONGEST_FULL_SECONDS = 180.0
NEEDED = {"payment-instruction": ("identity",)}
"""Without whose write another is not asked for one: a submission is authorised first, which identity records."""
TRUTH_SECONDS = 6.0
"""After so long without a write a service does not say any more that it serves."""


@dataclass(frozen=True)
class OnSmallDisks:
    """A platform at work on disks that can be filled."""

    work: Work
    disks: Disks


@pytest.fixture(scope="module")
def small() -> Iterator[OnSmallDisks]:
    """A stack of its own, all of whose disks have room."""
    with stack_on_small_disks() as (stack, disks), at_work(stack) as work:
        yield OnSmallDisks(work, disks)


def last_line(small: OnSmallDisks, service: str) -> str:
    """Returns the end of a service's log."""
    return small.work.stack.running.log_file(service).read_text(errors="replace").rstrip().rpartition("\n")[2]


def test_a_full_disk_for_logs_costs_lines_and_nothing_else(small: OnSmallDisks) -> None:
    """Every service goes on to write while not a line of its log can be, and logs again afterwards."""
    small.work.await_writes(*SERVICES, seconds=RECOVERED_SECONDS)
    ends = time.monotonic() + FULL_SECONDS
    with small.disks.logs.full():
        while time.monotonic() < ends:
            small.work.await_writes(*SERVICES, seconds=FULL_SECONDS)
            assert all(small.work.says_serving(service) for service in SERVICES)
            time.sleep(0.5)
    cut = {service: last_line(small, service) for service in SERVICES}
    small.work.await_writes(*SERVICES, seconds=RECOVERED_SECONDS)
    for service in SERVICES:
        await_true(lambda each=service: last_line(small, each) != cut[each], RECOVERED_SECONDS)


def test_a_full_disk_for_snapshots_costs_snapshots_and_nothing_else(small: OnSmallDisks) -> None:
    """Every service goes on; where it starts again it takes up the last snapshot that is whole."""
    small.work.await_writes(*SERVICES, seconds=RECOVERED_SECONDS)
    ends = time.monotonic() + FULL_SECONDS
    with ExitStack() as full:
        for disk in small.disks.snapshots.values():
            full.enter_context(disk.full())
        while time.monotonic() < ends:
            small.work.await_writes(*SERVICES, seconds=FULL_SECONDS)
            time.sleep(0.5)
        for service in SERVICES:
            small.work.stack.restart(service, kill=True)
        small.work.await_writes(*SERVICES, seconds=RECOVERED_SECONDS)
    small.work.await_writes(*SERVICES, seconds=RECOVERED_SECONDS)


def test_a_database_without_room_stops_writes_and_they_go_on_by_themselves(small: OnSmallDisks) -> None:
    """Nothing is acknowledged that is not on disk, health does not say that all is well, and no service has to be
    started again.
    """
    stack, pids = small.work.stack, {service: small.work.stack.parts[service].pid for service in SERVICES}
    small.work.await_writes(*SERVICES, seconds=RECOVERED_SECONDS)
    missed = dict.fromkeys(SERVICES, False)
    ends = time.monotonic() + LONGEST_FULL_SECONDS
    with small.disks.postgres.full() as fill:
        while time.monotonic() < ends and not all(missed.values()):
            for service in SERVICES:
                # What PostgreSQL gives back, as of its log, is nobody's to write into.
                fill()
                written = small.work.writes_within(service, TRUTH_SECONDS)
                missed[service] |= not written
                needed = (service, *NEEDED.get(service, ()))
                assert written or not all(map(small.work.says_serving, needed)), (
                    f"{service} writes nothing, and all of {needed} say that they do"
                )
        print("missed", missed)
        assert all(missed.values()), f"the disk was not full enough for all to feel it: {missed}"
        time.sleep(FULL_SECONDS)
    if stack.parts["postgres"].pid is None:
        # A server that cannot write its log ends; whoever supervises it starts it again.
        stack.parts["postgres"].start()
    print("afterwards", small.work.await_writes(*SERVICES, seconds=RECOVERED_SECONDS))
    for service in SERVICES:
        await_true(lambda each=service: small.work.says_serving(each), RECOVERED_SECONDS)
    assert {service: stack.parts[service].pid for service in SERVICES} == pids
