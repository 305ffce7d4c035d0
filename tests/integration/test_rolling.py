"""Processes are stopped one after the other, as when a release is rolled out: nobody who calls is told of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from ringfence.ledger import NewTransfer
from ringfence_bootstrap.description import SERVICES
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.stack.local_stack import LocalStack

from .conftest import PATIENCE
from .pairs import await_true
from .posting import FUNDS_MINOR, Poster, Ring, open_ring
from .traffic import Traffic, open_platform, transfer_count

NAMES = ("live", "ready", "lead")
LEAVE_SECONDS = 1.0
DRAIN_SECONDS = 10.0
EXIT_SECONDS = 25.0
SETTINGS = {"RINGFENCE_LEAVE_SECONDS": f"{LEAVE_SECONDS:g}", "RINGFENCE_DRAIN_SECONDS": f"{DRAIN_SECONDS:g}"}


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """A stack of its own with two processes of every service."""
    with Scenario.private(SETTINGS, PATIENCE, standbys=SERVICES) as scenario:
        yield scenario.processes


@dataclass
class Callers(Poster):
    """Each call is made once; one that ends otherwise than all its rows `created` ends the test."""

    THREADS = 4
    sandbox: Sandbox

    def post(self, transfers: Sequence[NewTransfer]) -> None:
        """Posts as the importer, by the SDK."""
        results = self.sandbox.client(self.ring.importer_name).custody.create_transfers(self.ring.book_id, transfers)
        assert {each.status for each in results} == {"created"}, results
        with self._lock:
            self.acknowledged += transfers


def expected_balances(ring: Ring, posted: Sequence[NewTransfer]) -> dict[UUID, int]:
    """Returns what each client has when every transfer was applied once."""
    balances = dict.fromkeys(ring.clients, FUNDS_MINOR)
    for each in posted:
        assert each.debit_account_id is not None
        assert each.credit_account_id is not None
        balances[each.debit_account_id] -= each.amount_minor
        balances[each.credit_account_id] += each.amount_minor
    return balances


def says(stack: LocalStack, part: str) -> set[str]:
    """Returns which names of a process's plaintext port say SERVING, none where nobody answers."""
    with grpc.insecure_channel(stack.running.health_listens[part]) as channel:
        stub, serving = health_pb2_grpc.HealthStub(channel), set()
        for name in NAMES:
            try:
                reply = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
            except grpc.RpcError:
                continue
            if reply.status == health_pb2.HealthCheckResponse.SERVING:
                serving.add(name)
        return serving


def roles(stack: LocalStack, service: str) -> tuple[str, str]:
    """Returns leader and standby of a service as soon as its plaintext ports say that both are well."""
    parts = (service, f"{service}-standby")
    well = {frozenset(NAMES), frozenset({"live", "ready"})}
    await_true(lambda: [service] if {frozenset(says(stack, part)) for part in parts} == well else [])
    leader, standby = sorted(parts, key=lambda part: "lead" not in says(stack, part))
    return leader, standby


def stop_watched(stack: LocalStack, part: str) -> tuple[float, list[set[str]]]:
    """Stops a process with SIGTERM; returns how many seconds it took, and what its port said on the way."""
    seen, started = [says(stack, part)], time.monotonic()
    stopping = threading.Thread(target=stack.parts[part].stop, args=(2 * EXIT_SECONDS,))
    stopping.start()
    while stopping.is_alive():
        if (now := says(stack, part)) != seen[-1]:
            seen.append(now)
        time.sleep(0.02)
    return time.monotonic() - started, seen


def test_every_process_says_what_an_orchestrator_asks(stack: LocalStack) -> None:
    """Of each service one process leads, and both are ready."""
    for service in SERVICES:
        assert set(roles(stack, service)) == {service, f"{service}-standby"}


@pytest.mark.parametrize("turn", range(2))
def test_no_call_is_lost_when_a_leader_is_stopped(stack: LocalStack, turn: int) -> None:
    """Each of many calls is answered as when nothing happens, none is done twice, and the process ends in time."""
    with Sandbox(stack.running, PATIENCE) as box:
        with Callers(ring := open_ring(box, f"rolling {turn}"), box) as callers:
            callers.wait_for_more(200)
            leader, standby = roles(stack, "custody")
            seconds, seen = stop_watched(stack, leader)
            callers.wait_for_more(200)
            stack.restart(leader)
            assert roles(stack, "custody") == (standby, leader)
        print(f"{seconds:.1f} s, {len(callers.acknowledged)} transfers, said {seen}")
        assert LEAVE_SECONDS < seconds <= EXIT_SECONDS
        assert seen[:2] == [set(NAMES), {"live", "lead"}]
        custody = box.client(ring.importer_name).custody
        assert custody.totals(ring.book_id).transfers == len(callers.acknowledged) + len(ring.clients)
        assert custody.balances(ring.clients, ring.book_id) == expected_balances(ring, callers.acknowledged)


def test_no_standby_leads_for_the_moment_before_it_ends(stack: LocalStack) -> None:
    """A standby that is being stopped leaves a lease that comes free to those who stay."""
    leader, standby = roles(stack, "audit")
    with ThreadPoolExecutor(1) as thread:
        stopping = thread.submit(stop_watched, stack, standby)
        await_true(lambda: [standby] if "ready" not in says(stack, standby) else [])
        stack.parts[leader].kill()
        _, seen = stopping.result()
    assert seen[:2] == [{"live", "ready"}, {"live"}]
    assert not any("lead" in names for names in seen)
    for part in (leader, standby):
        stack.restart(part)
    roles(stack, "audit")


def test_payments_go_on_while_every_service_is_rolled(stack: LocalStack) -> None:
    """All processes of all services are stopped and started, standbys first; every payment settles once."""
    with Sandbox(stack.running, PATIENCE) as box:
        platform = open_platform(box)
        before = transfer_count(platform.client)
        with Traffic(platform) as traffic:
            for service in SERVICES:
                for part in reversed(roles(stack, service)):
                    traffic.wait_for_more(20)
                    seconds, _ = stop_watched(stack, part)
                    assert seconds <= EXIT_SECONDS
                    stack.restart(part)
        traffic.await_all_settled()
        assert transfer_count(platform.client) - before == len(traffic.instruction_ids)
