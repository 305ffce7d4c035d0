"""Memory that is wrong, a source that went back, and a ledger that contradicts the bank: on a stack of their own."""

from __future__ import annotations

import shutil
from array import array
from collections.abc import Iterator

import pytest
from ringfence.audit import Finding
from ringfence.errors import RingfenceError
from ringfence.ids import new_id
from ringfence.ledger import AccountClass
from ringfence.money import ledger_of
from ringfence_kernel.writing.snapshots import Snapshot, SnapshotFile
from ringfence_local_stack.commands.rebuild import rebuild_service
from ringfence_local_stack.scenario import Platform, Scenario

from deploy.checks.monitoring.prometheus import Prometheus
from tests.architecture.following import followers_named

from .conftest import CALLS_FAIL, PAYER, lines, renamed, watched

EXTRA_MINOR, PAID_MINOR = 777, 100
LEFT_ALONE = ("RingfenceProcessesMissing", "RingfenceNoStandby", "RingfenceNoLeader")
IMBALANCE = 'max(ringfence_ledger_imbalance{service_name="custody"})'


@pytest.fixture(scope="module")
def scenario() -> Iterator[Scenario]:
    """A stack of its own, with a second custody that stands by."""
    with Scenario.private(standbys=["custody"]) as started:
        yield started


@pytest.fixture(scope="module")
def session_prometheus(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus over its five processes."""
    with watched(scenario.stack, tmp_path_factory.mktemp("prometheus")) as running:
        yield running


@pytest.fixture(scope="module")
def platform(scenario: Scenario) -> Platform:
    """A platform with a rich client."""
    made = scenario.platform(PAYER)
    made.bank.deposit(made.customer(PAYER), 10_000_000)
    return made


def make_wrong(file: SnapshotFile) -> None:
    """Has every account of every book in a snapshot hold more than its events say."""
    found = file.read()
    assert found is not None
    header, sections = found
    wrong = {}
    for name, content in sections.items():
        wrong[name] = bytes(content)
        if name.endswith(" credits_posted"):
            balances = array("q", bytes(content))
            wrong[name] = array("q", [balances[0], *(each + EXTRA_MINOR for each in balances[1:])]).tobytes()
    file.write(Snapshot(header, list(wrong.items())))


def move_a_cent(file: SnapshotFile) -> None:
    """Has the last two accounts of every book in a snapshot hold a cent less and a cent more: the sums are right."""
    found = file.read()
    assert found is not None
    header, sections = found
    wrong = {name: bytes(content) for name, content in sections.items()}
    for name in [each for each in wrong if each.endswith(" credits_posted")]:
        balances = array("q", wrong[name])
        balances[-1], balances[-2] = balances[-1] + 1, balances[-2] - 1
        wrong[name] = balances.tobytes()
    file.write(Snapshot(header, list(wrong.items())))


def test_a_cent_that_is_on_another_account(scenario: Scenario, platform: Platform, prometheus: Prometheus) -> None:
    """books-different: no sum of custody's shows it; a closing that an auditor demands does, within a minute."""
    processes, stack, books = scenario.processes, scenario.stack, scenario.regulator.books
    folder, tenant = stack.snapshot_folder("custody"), platform.id

    def is_same() -> bool | None:
        """Demands a closing; tells whether the newest is the same as the log, None before the log has it."""
        position = books.demand(tenant, "EUR", new_id())
        closing = books.get(tenant, "EUR").closing
        return closing.is_same if closing and closing.position >= position else None

    prometheus.eventually(is_same)
    processes.service("custody").stop()
    move_a_cent(SnapshotFile(folder, "custody"))
    processes.service("custody").start()
    processes.service("custody-standby").stop()
    prometheus.eventually(lambda: is_same() is False)
    prometheus.await_firing("RingfenceBooksDifferent", beside=[*LEFT_ALONE, *CALLS_FAIL])
    [line] = lines(scenario, "audit", event="books_different")
    assert line["ledger"] == ledger_of("EUR")
    processes.service("custody-standby").start()
    processes.service("custody").stop()
    shutil.move(folder, stack.directory / "evidence of a cent")
    processes.service("custody").start()
    prometheus.eventually(is_same)
    prometheus.await_quiet()


def test_a_memory_that_is_wrong(scenario: Scenario, platform: Platform, prometheus: Prometheus) -> None:
    """ledger-imbalance, invariant-broken: the standby's memory is right; the wrong one is kept, and made anew."""
    processes, stack = scenario.processes, scenario.stack
    folder, client = stack.snapshot_folder("custody"), platform.customer(PAYER).account
    processes.service("custody").stop()
    make_wrong(SnapshotFile(folder, "custody"))
    processes.service("custody").start()
    processes.service("custody-standby").stop()
    prometheus.await_firing("RingfenceLedgerImbalance", beside=[*LEFT_ALONE, *CALLS_FAIL])
    with pytest.raises(RingfenceError, match="INVARIANT_BROKEN"):
        platform.fund([client], 1, platform.bank.mirror)
    prometheus.await_firing("RingfenceLedgerImbalance", "RingfenceDefect", beside=[*LEFT_ALONE, *CALLS_FAIL])
    [line] = lines(scenario, "custody", event="call", code="INTERNAL")
    assert (line["reason"], line["method"].rpartition("/")[2]) == ("INVARIANT_BROKEN", "CreateTransfers")
    processes.service("custody-standby").start()
    processes.service("custody").stop()
    prometheus.eventually(lambda: prometheus.value(IMBALANCE) == 0)
    shutil.move(folder, stack.directory / "evidence")
    processes.service("custody").start()
    platform.fund([client], 1, platform.bank.mirror)
    prometheus.await_quiet()
    processes.service("custody-standby").stop()
    prometheus.eventually(lambda: prometheus.value(IMBALANCE) == 0)
    # The wrong memory may have left its digest behind: what is compared with is the newest, of who led since.
    rebuild_service(stack, "custody", verify=True)
    processes.service("custody-standby").start()
    prometheus.await_quiet()


def test_a_source_that_went_back(scenario: Scenario, platform: Platform, prometheus: Prometheus) -> None:
    """feed-fork: restored to too early a point, a source is followed no more; restored to the newest, it is again."""
    source = scenario.processes.service("identity")
    source.stop()
    with scenario.processes.postgres.superuser() as administrator:
        administrator.execute("CREATE DATABASE early TEMPLATE identity OWNER identity_owner")
    source.start()
    newcomer = platform.party("Somebody Later")
    platform.account(AccountClass.CLIENT, owner=newcomer)
    prometheus.await_quiet()
    source.stop()
    renamed(scenario, {"identity": "newest", "early": "identity"})
    source.start()
    prometheus.await_firing("RingfenceFeedHalted", beside=["RingfenceFollowerLags", "RingfenceStandingStale"])
    followers = followers_named()["identity"]
    prometheus.eventually(
        lambda: all(lines(scenario, each, event="feed_fork", source="identity") for each in followers)
    )
    prometheus.eventually(lambda: bool(lines(scenario, "audit", event="feed_fork_located")))
    [located] = lines(scenario, "audit", event="feed_fork_located")
    rebuild_service(scenario.stack, "identity", verify=True)
    source.stop()
    renamed(scenario, {"identity": "early", "newest": "identity"})
    source.start()
    for part in scenario.processes.parts:
        if part.removesuffix("-standby") in followers:
            scenario.processes.restart(part)
    prometheus.await_quiet()
    [found] = [each for each in scenario.regulator.audit.verify_sources() if each.source == "identity"]
    assert found.finding is Finding.AGREES
    assert found.logged_position == found.current_position >= int(located["position"])
