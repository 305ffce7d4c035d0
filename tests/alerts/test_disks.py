"""Disks that fill up, on a stack of their own: what is missed, by which line, and that room is enough to go on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from ringfence.errors import RingfenceError
from ringfence.ids import new_id
from ringfence.ledger import NewTransfer, Purpose
from ringfence.transport import Patience
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Platform, Scenario
from ringfence_local_stack.scenario.scenario import NOBODY

from deploy.checks.monitoring.prometheus import Prometheus
from tests.drills.disks import Disks, SmallDisk, stack_on_small_disks

from .conftest import HURRIED, PAYER, like, lines, watched

ROWS = 1_000
UNHURRIED = Patience(call_seconds=30, retry_seconds=90)
SLOTS = "SELECT slot_name, active, wal_status FROM pg_replication_slots"
HEADS = 'ringfence_feed_position{service_name="custody"}'


@dataclass(frozen=True)
class Stage:
    """A platform on disks that can be filled, under Prometheus."""

    scenario: Scenario
    disks: Disks
    platform: Platform
    prometheus: Prometheus

    def deposits(self) -> list[NewTransfer]:
        """Returns many deposits with new ids."""
        client, mirror = self.platform.customer(PAYER).account.id, self.platform.bank.mirror.id
        return [
            NewTransfer(
                id=new_id(),
                amount_minor=1,
                currency=self.platform.currency,
                code=Purpose.DEPOSIT,
                debit_account_id=mirror,
                credit_account_id=client,
                user_data_128=client,
            )
            for _ in range(ROWS)
        ]

    def write(self) -> None:
        """Has custody commit something."""
        self.platform.fund([self.platform.customer(PAYER).account], 1, self.platform.bank.mirror)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stack whose disks all have room."""
    with stack_on_small_disks() as (stack, disks), Sandbox(stack.running, UNHURRIED) as sandbox:
        scenario = Scenario(sandbox, stack)
        scenario.import_list([NOBODY])
        platform = scenario.platform(PAYER)
        assert platform.importer
        with watched(stack.running, tmp_path_factory.mktemp("prometheus")) as prometheus:
            yield Stage(scenario, disks, platform, prometheus)


def free_bytes(disk: SmallDisk) -> int:
    """Returns what `df` says of a disk."""
    said = subprocess.run(["df", "--output=avail", "-B1", disk.path], check=True, capture_output=True, text=True)
    return int(said.stdout.split()[-1])


def test_a_full_disk_for_logs(stage: Stage) -> None:
    """disk-full: lines are lost and work goes on; with room lines come again, and the count stands still."""
    with stage.disks.logs.full():
        assert free_bytes(stage.disks.logs) == 0
        stage.prometheus.eventually(lambda: stage.write() or "RingfenceLogLinesLost" in stage.prometheus.firing())
    stage.prometheus.await_quiet()
    before = len(lines(stage.scenario, "custody", event="call"))
    stage.write()
    stage.prometheus.eventually(lambda: len(lines(stage.scenario, "custody", event="call")) > before)


def test_a_full_disk_for_snapshots(stage: Stage) -> None:
    """disk-full: the log says that none was written; with room the next one is."""
    disk = stage.disks.snapshots["custody"]
    with disk.full():
        assert free_bytes(disk) == 0
        stage.write()
        stage.prometheus.eventually(lambda: bool(lines(stage.scenario, "custody", event="snapshot_not_written")))
    count = len(lines(stage.scenario, "custody", event="snapshot_written"))
    stage.write()
    stage.prometheus.eventually(lambda: len(lines(stage.scenario, "custody", event="snapshot_written")) > count)
    stage.prometheus.await_quiet()


def test_a_full_disk_for_the_database(stage: Stage) -> None:
    """disk-full: the log says so and calls fail; no slot holds anything back; with room heads move by themselves."""
    head = stage.prometheus.value(HEADS) or 0
    postgres, reasons = stage.scenario.processes.postgres, set[str]()
    with stage.disks.postgres.full(), like(stage.platform.importer, HURRIED) as importer:

        def is_felt() -> bool:
            try:
                importer.custody.create_transfers(stage.platform.id, stage.deposits())
            except RingfenceError as error:
                reasons.add(error.reason or error.code)
            said = lines(stage.scenario, "custody", event="store_without_room")
            return bool(said) and "STORE_UNAVAILABLE" in reasons

        stage.prometheus.eventually(is_felt)
    if postgres.pid is None:
        postgres.start()
    with postgres.superuser() as administrator:
        assert administrator.execute(SLOTS).fetchall() == []
    stage.write()
    stage.prometheus.eventually(lambda: (stage.prometheus.value(HEADS) or 0) > head)
    stage.prometheus.await_quiet()
