"""What is promised when whole parts die or lose what they hold: nothing lost, nothing doubled, and it shows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ringfence.client import Client
from ringfence.errors import RingfenceError
from ringfence.transport import Patience
from ringfence_bootstrap.description import SERVICES
from ringfence_bootstrap.nats.admin import NatsAdmin
from ringfence_bootstrap.nats.streams import notification_streams, stream_name
from ringfence_local_stack.replay.book import prepare
from ringfence_local_stack.replay.posting import Outcome, replay
from ringfence_local_stack.replay.rows import Postings, read_postings
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Platform, Scenario
from ringfence_local_stack.stack.local_stack import LocalStack

from tests.chaos.drill import PATIENCE
from tests.integration.traffic import ACTIVE_SECONDS, Traffic, await_log_complete, open_platform, transfer_count

BERKA = "transactions/berka/trans_sequence.csv"
ROWS = 22_927
ADJUSTMENTS = 972


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    """A stack of their own, and principals who wait while a part is being killed."""
    with Scenario.private(patience=PATIENCE) as started:
        yield started


@pytest.fixture(scope="module")
def stack(scenario: Scenario) -> LocalStack:
    """Its parts."""
    return scenario.processes


@pytest.fixture(scope="module")
def sandbox(scenario: Scenario) -> Sandbox:
    """Its principals."""
    return scenario.sandbox


@pytest.fixture(scope="module")
def platform(sandbox: Sandbox) -> Platform:
    """A platform with clients and money."""
    return open_platform(sandbox)


@pytest.fixture(scope="module")
def postings(foreign_data: Callable[[str], Path]) -> Postings:
    """All postings of the file."""
    return read_postings(foreign_data(BERKA))


def kill_each(stack: LocalStack, names: tuple[str, ...], killed: Callable[[], None] = lambda: None) -> None:
    """Kills each part with -9 and starts it again; tells of each."""
    for name in names:
        stack.restart(name, kill=True)
        killed()
        time.sleep(0.3)


class Pace:
    """Rows wait for kills, however fast the machine is: at each kill and after the last there are rows to post."""

    def __init__(self, rows: int, kills: int) -> None:
        """Divides `rows` among `kills` and what comes after them."""
        self._share, self._left = rows // (kills + 1), kills
        self._may_post, self._posted = self._share, 0
        self._changed = threading.Condition()

    def killed(self) -> None:
        """Lets the next share be posted; all that is left after the last kill."""
        with self._changed:
            self._left -= 1
            self._may_post += self._share
            self._changed.notify_all()

    def posted(self, rows: int) -> None:
        """Waits, within a bound, until more may be posted."""
        with self._changed:
            self._posted += rows
            self._changed.wait_for(lambda: self._posted < self._may_post or not self._left, ACTIVE_SECONDS)


def test_berka_replay_survives_the_death_of_every_part(stack: LocalStack, sandbox: Sandbox, postings: Postings) -> None:
    """All 22,927 postings agree with the bank's own balances although every service, NATS and PostgreSQL is killed."""
    book = prepare(sandbox, postings)
    finished: list[Outcome] = []
    parts = (*SERVICES, "nats", "postgres")
    pace = Pace(ROWS, len(parts))
    posting = threading.Thread(
        target=lambda: finished.append(replay(book, postings, batch_rows=20, progress=pace.posted))
    )
    posting.start()
    kill_each(stack, parts, pace.killed)
    assert posting.is_alive(), "the replay ended before every part was killed"
    posting.join()
    (outcome,) = finished
    assert (outcome.posted, outcome.adjustments, outcome.duplicates, outcome.mismatches) == (ROWS, ADJUSTMENTS, 0, 0)
    again = replay(book, postings, batch_rows=1_000)
    assert (again.posted, again.duplicates, again.mismatches) == (0, ROWS, 0)
    totals = book.importer.custody.totals(book.id)
    assert sum(each.balances.posted_minor for each in totals.classes) == 0
    # The guarantee is funded by two more transfers: the mirror's deposit, or fewer where it needs none.
    assert ROWS + ADJUSTMENTS <= totals.transfers <= ROWS + ADJUSTMENTS + 2


def test_payments_survive_the_death_of_every_part(stack: LocalStack, platform: Platform) -> None:
    """Payments taken in while parts are killed all settle once; the book has exactly one transfer for each."""
    before = transfer_count(platform.client)
    with Traffic(platform) as traffic:
        traffic.wait_for_more(100)
        kill_each(stack, ("custody", "payment-instruction", "postgres"))
        traffic.wait_for_more(100)
    traffic.await_all_settled()
    assert transfer_count(platform.client) - before == len(traffic.instruction_ids)


def test_deleted_streams_cost_no_fact(stack: LocalStack, sandbox: Sandbox, platform: Platform) -> None:
    """With every JetStream stream deleted while payments flow, the log still holds all that its sources committed.

    Services do not make streams; what they publish is kept again as soon as the administrator has.
    """
    admin = stack.running.nats_admin()
    with Traffic(platform) as traffic:
        traffic.wait_for_more(60)
        assert len(admin.delete_streams()) == len(SERVICES)
        traffic.wait_for_more(100)
        assert admin.stream_names() == []
    traffic.await_all_settled()
    await_log_complete(sandbox)
    admin.make_streams(notification_streams(SERVICES))
    end = time.monotonic() + ACTIVE_SECONDS
    while not all(_notifications(admin, service) for service in SERVICES):
        assert time.monotonic() < end
        time.sleep(0.5)


def _notifications(admin: NatsAdmin, service: str) -> int:
    """Returns how many notifications the stream of a service holds."""
    return int(admin.request(f"$JS.API.STREAM.INFO.{stream_name(service)}")["state"]["messages"])


def test_sealed_vault_stops_keys_and_nothing_else(stack: LocalStack, sandbox: Sandbox, platform: Platform) -> None:
    """Sealed while payments flow: a token is refused by name, and after unsealing all goes on, once each."""
    before = transfer_count(platform.client)
    with Traffic(platform) as traffic:
        traffic.wait_for_more(60)
        stack.openbao.seal()
        try:
            with pytest.raises(RingfenceError) as refused:
                _fresh_token(sandbox)
            assert refused.value.reason == "KEYS_UNAVAILABLE"
            time.sleep(2)
        finally:
            stack.openbao.unseal()
        traffic.wait_for_more(60)
    traffic.await_all_settled()
    assert transfer_count(platform.client) - before == len(traffic.instruction_ids)
    await_log_complete(sandbox)


def _fresh_token(sandbox: Sandbox) -> None:
    """Asks for a token without patience."""
    credentials = sandbox.client("operator-1").credentials
    assert credentials.addresses is not None
    with Client(credentials.addresses, credentials, Patience(call_seconds=10, retry_seconds=0)) as client:
        client.custody.list_accounts(credentials.principal_id).__next__()
