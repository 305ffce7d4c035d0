"""What is promised when things break: nothing lost, nothing doubled, and it shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ringfence.audit import Finding
from ringfence.errors import RingfenceError
from ringfence_bootstrap.nats.admin import NatsAdmin
from ringfence_bootstrap.nats.streams import notification_streams, stream_name
from ringfence_local_stack.replay.book import prepare
from ringfence_local_stack.replay.posting import Outcome, replay
from ringfence_local_stack.replay.rows import Postings, read_postings
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Platform
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_verifier import verify_checkpoint, verify_log

from .traffic import Traffic, open_platform, transfer_count

BERKA = Path(__file__).parents[3] / "shared" / "data" / "transactions" / "berka" / "trans_sequence.csv"
SERVICES = ("identity", "custody", "payment-instruction", "audit")
ROWS = 22_927
ADJUSTMENTS = 972
ACTIVE_SECONDS = 60.0

needs_berka = pytest.mark.skipif(
    not BERKA.exists() and "CI" not in os.environ, reason="the postings of the Berka bank are not beside the project"
)


@pytest.fixture(scope="module")
def platform(sandbox: Sandbox) -> Platform:
    """A platform with clients and money."""
    return open_platform(sandbox)


@pytest.fixture(scope="module")
def postings() -> Postings:
    """All postings of the file."""
    return read_postings(BERKA)


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


@needs_berka
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


def await_log_complete(sandbox: Sandbox) -> None:
    """Waits until the log has reached the head of every source, and agrees with it event by event."""
    end = time.monotonic() + ACTIVE_SECONDS
    while True:
        compared = sandbox.regulator.audit.verify_sources(recompute=True)
        assert len(compared) == 3
        assert all(each.finding is not Finding.DIFFERS for each in compared), compared
        behind = [each for each in compared if each.finding is not Finding.AGREES or each.logged_position == 0]
        if not behind and all(each.logged_position == each.current_position for each in compared):
            return
        assert time.monotonic() < end, compared
        time.sleep(0.5)


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
    from ringfence.client import Client
    from ringfence.transport import Patience

    credentials = sandbox.client("operator-1").credentials
    assert credentials.addresses is not None
    with Client(credentials.addresses, credentials, Patience(call_seconds=10, retry_seconds=0)) as client:
        client.custody.list_accounts(credentials.principal_id).__next__()


@pytest.mark.parametrize("service", SERVICES)
def test_rebuild_from_events_alone_is_the_same(stack: LocalStack, platform: Platform, service: str) -> None:
    """State and read models built from events alone are those of the running service."""
    end = time.monotonic() + ACTIVE_SECONDS
    while True:
        report = _rebuild(stack, service)
        # The digest of the running state is stored within seconds of the last event.
        if report["same"] or time.monotonic() > end:
            break
        time.sleep(2)
    assert report["same"], report
    assert report["events"] > 0


@pytest.mark.parametrize("service", ["custody", "payment-instruction"])
def test_read_models_are_filled_anew_beside_the_service(stack: LocalStack, platform: Platform, service: str) -> None:
    """A rebuild without --verify runs with the service's own rights, and what it leaves is the same."""
    assert _rebuild(stack, service, verify=False)["events"]
    assert _rebuild(stack, service)["same"]


def _rebuild(stack: LocalStack, service: str, *, verify: bool = True) -> dict[str, object]:
    """Runs the service's own rebuild beside it."""
    command = [sys.executable, "-m", f"ringfence_{service.replace('-', '_')}", "rebuild"]
    command += ["--verify"] if verify else []
    done = subprocess.run(
        command, env=stack.running.environment(service), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.stdout, done.stderr
    report: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return report


@contextmanager
def flipped(stack: LocalStack) -> Iterator[None]:
    """Has one bit of one stored event of every service flipped, by a statement as the superuser."""

    def flip() -> None:
        for service in SERVICES:
            with stack.postgres.superuser(stack.running.databases[service].name) as connection:
                assert connection.execute(FLIP).rowcount == 1

    flip()
    try:
        yield
    finally:
        flip()


FLIP = b"UPDATE stored_events SET state = set_byte(state, 9, get_byte(state, 9) # 1) WHERE notification_id = 3"


def test_flipped_bits_are_found(stack: LocalStack, sandbox: Sandbox, platform: Platform) -> None:
    """One bit flipped in one stored event, of each source and of the log, is found; flipped back, all is well."""
    await_log_complete(sandbox)
    assert _differing(sandbox) == set()
    with flipped(stack):
        assert "audit" in _differing(sandbox)
        assert _rebuilt_otherwise(stack) == set(SERVICES)
    assert _differing(sandbox) | _rebuilt_otherwise(stack) == set()


def _rebuilt_otherwise(stack: LocalStack) -> set[str]:
    """Returns the services of which a rebuild finds a change."""
    return {service for service in SERVICES if not _rebuild(stack, service)["same"]}


def _differing(sandbox: Sandbox) -> set[str]:
    """Returns the services in which `ringfence verify log` finds a change."""
    found: set[str] = set()
    checkpoint = verify_checkpoint(sandbox.regulator.audit.checkpoint(), sandbox.log_key())
    try:
        leaves = sandbox.regulator.audit.leaves(0, checkpoint.size)
        verify_log((leaf.content for leaf in leaves), checkpoint)
    except RingfenceError as refused:
        found.add("audit" if refused.reason == "LOG_DAMAGED" else refused.reason)
    compared = sandbox.regulator.audit.verify_sources(recompute=True)
    return found | {each.source for each in compared if each.finding is Finding.DIFFERS}
