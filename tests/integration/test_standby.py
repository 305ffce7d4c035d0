"""A second process of custody takes over: nothing acknowledged is lost, nothing is applied twice, health is true."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from ringfence.client import Client
from ringfence.custody import Custody
from ringfence.errors import RingfenceError
from ringfence.transport import Patience
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.servers.certificates import CertificateFiles
from ringfence_local_stack.stack.health import is_serving
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_local_stack.stack.running import service_of

from .conftest import PATIENCE
from .posting import FUNDS_MINOR, Posting, Ring, open_ring
from .test_drills import await_log_complete
from .traffic import Traffic, open_platform, transfer_count

PARTS = ("custody", "custody-standby")
LEDGER, FEED = "ringfence.custody.v1.CustodyService", "ringfence.common.v1.FeedService"
TAKEOVER_SECONDS = 2.0
LEASE_SECONDS = 3.0
ENDS = ("kill", "kill", "kill", "kill", "stop")
UNEXPECTED = ("unexpected_error", "task_failed", "group_failed", "command_failed", "task_does_not_stop")
IMPATIENT = Patience(call_seconds=2, retry_seconds=0)


@dataclass(frozen=True)
class Pair:
    """Both processes of custody, and what their health says."""

    stack: LocalStack
    probe: CertificateFiles

    def says_serving(self, part: str, service: str = "") -> bool:
        """Tells what one process says of a service, or of itself."""
        running = self.stack.running
        return is_serving(running.listens[part], running.workload_ca_file, self.probe, service)

    def roles(self) -> tuple[str, str]:
        """Returns leader and standby, having seen that exactly one leads and that both are well."""
        (leader,) = await_true(lambda: [part for part in PARTS if self.says_serving(part, LEDGER)])
        (standby,) = (part for part in PARTS if part != leader)
        assert all(self.says_serving(part) and self.says_serving(part, FEED) for part in PARTS)
        assert not self.says_serving(standby, LEDGER)
        return leader, standby

    def sandbox(self) -> Sandbox:
        """Returns the sandbox whose clients know the process that leads now."""
        running = self.stack.running
        others = {part: address for part, address in running.listens.items() if service_of(part) != "custody"}
        listens = {**others, "custody": running.listens[self.roles()[0]]}
        return Sandbox(replace(running, listens=listens), PATIENCE)

    def clients(self, ring: Ring) -> list[Client]:
        """Returns the importer as a client of each process, one that gives up at once."""
        credentials = ring.importer.credentials
        assert credentials.addresses is not None
        return [
            Client(replace(credentials.addresses, custody=self.stack.running.listens[part]), credentials, IMPATIENT)
            for part in PARTS
        ]


def await_true(look: Callable[[], list[str]], seconds: float = 20.0) -> list[str]:
    """Returns what is seen as soon as there is something."""
    end = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return seen


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """A stack of its own with two processes of custody."""
    with Scenario.private(patience=PATIENCE, standbys=("custody",)) as scenario:
        stack = scenario.processes
        yield Pair(stack, stack.running.issue_principal_certificate(str(uuid.uuid4())))


def require_one_history(pair: Pair, ring: Ring, posting: Posting) -> None:
    """Compares the book with what was acknowledged: every transfer once, balances as they add up."""
    expected = Counter(dict.fromkeys(ring.clients, FUNDS_MINOR))
    for each in posting.acknowledged:
        assert each.debit_account_id is not None
        assert each.credit_account_id is not None
        expected[each.debit_account_id] -= each.amount_minor
        expected[each.credit_account_id] += each.amount_minor
    with pair.sandbox() as box:
        importer = box.client(ring.importer_name)
        ids = [each.id for each in posting.acknowledged]
        assert len(set(ids)) == len(ids)
        found = [
            each.id for at in range(0, len(ids), 5_000) for each in importer.custody.transfers(ids[at : at + 5_000])
        ]
        assert sorted(found) == sorted(ids)
        totals = importer.custody.totals(ring.book_id)
        assert totals.transfers == len(ids) + len(ring.clients)
        assert sum(each.balances.posted_minor for each in totals.classes) == 0
        assert importer.custody.balances(ring.clients, ring.book_id) == dict(expected)


def test_acknowledged_transfers_survive_the_end_of_the_leader(pair: Pair) -> None:
    """Killed with signal 9 under load, again and again, and stopped in order: the other takes writes within 2 s."""
    with pair.sandbox() as box, Posting(ring := open_ring(box, "kills"), pair.clients(ring)) as posting:
        for end in ENDS:
            posting.wait_for_more(100)
            leader, standby = pair.roles()
            ended = time.monotonic()
            getattr(pair.stack.parts[leader], end)()
            await_true(lambda: [part for part in PARTS if pair.says_serving(part, LEDGER)])
            seen = time.monotonic()
            silence = posting.longest_silence(ended, seen)
            print(f"{end}: health after {seen - ended:.3f} s, longest without an answer {silence:.3f} s")
            assert max(seen - ended, silence) <= TAKEOVER_SECONDS
            assert [pair.says_serving(part) for part in (leader, standby)] == [False, True]
            pair.stack.restart(leader)
            assert pair.roles() == (standby, leader)
    print(f"{len(posting.acknowledged)} acknowledged, {posting.repeated} of them sent again, {dict(posting.refusals)}")
    require_one_history(pair, ring, posting)


def reads(custody: Custody, book_id: UUID, account_id: UUID) -> list[Callable[[], object]]:
    """Returns questions about a book, of what is in memory and of what is in the database."""
    return [
        lambda: custody.totals(book_id),
        lambda: custody.accounts([account_id], book_id),
        lambda: custody.balances([account_id], book_id),
        lambda: list(custody.statement(account_id, book_id)),
    ]


def test_only_the_leader_answers_for_the_book(pair: Pair) -> None:
    """What a standby has in memory, or reads in the database, is not said: it may be behind."""
    with pair.sandbox() as box:
        ring = open_ring(box, "reads")
    leader, _ = pair.roles()
    for part, client in zip(PARTS, pair.clients(ring), strict=True):
        for read in reads(client.custody, ring.book_id, ring.clients[0]):
            if part == leader:
                assert read()
                continue
            with pytest.raises(RingfenceError) as refused:
                read()
            assert refused.value.reason == "NOT_LEADER"
        client.close()


def test_leader_that_hangs_is_replaced_and_refuses_when_it_wakes(pair: Pair) -> None:
    """A leader that is stopped loses its lease; woken, it answers nothing as a leader, and stands by."""
    with pair.sandbox() as box, Posting(ring := open_ring(box, "hangs"), pair.clients(ring)) as posting:
        posting.wait_for_more(100)
        leader, standby = pair.roles()
        pid, stopped = pair.stack.parts[leader].pid, time.monotonic()
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            silence = posting.longest_silence(stopped, stopped)
            print(f"hangs: longest without an answer {silence:.3f} s")
            assert silence <= LEASE_SECONDS + TAKEOVER_SECONDS + IMPATIENT.call_seconds
            assert pair.says_serving(standby, LEDGER)
        finally:
            os.kill(pid, signal.SIGCONT)
        await_true(lambda: [leader] if not pair.says_serving(leader, LEDGER) else [], 1.0)
        posting.wait_for_more(100)
        assert pair.roles() == (standby, leader)
    require_one_history(pair, ring, posting)


def test_payments_and_the_log_survive_a_takeover(pair: Pair) -> None:
    """Payments flow through two takeovers and settle once each, and the log holds all that custody committed."""
    with pair.sandbox() as box:
        platform = open_platform(box)
        before = transfer_count(platform.client)
        with Traffic(platform) as traffic:
            for how in ("kill", "stop"):
                traffic.wait_for_more(60)
                leader, standby = pair.roles()
                getattr(pair.stack.parts[leader], how)()
                traffic.wait_for_more(60)
                pair.stack.restart(leader)
                assert pair.roles() == (standby, leader)
        traffic.await_all_settled()
    with pair.sandbox() as box:
        assert transfer_count(box.client(platform.name)) - before == len(traffic.instruction_ids)
        await_log_complete(box)


def test_nothing_unexpected_was_logged(pair: Pair) -> None:
    """After all of that, no process of the platform has met anything that it has no name for."""
    for log in (pair.stack.directory / "logs").glob("*.log"):
        found = [line for line in log.read_text().splitlines() if any(f'"{event}"' in line for event in UNEXPECTED)]
        assert not found, (log.name, found[:3])
