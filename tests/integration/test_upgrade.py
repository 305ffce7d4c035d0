"""From the release before to this one and back while payments flow: old processes serve and write on the new schema."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from ringfence_local_stack.sandbox.birth import declare
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_local_stack.stack.running import STANDBY

from tests.stores.releases import ORDER_FROM_RELEASE, RELEASE, SERVICES, Release

from .conftest import PATIENCE
from .traffic import Traffic, await_log_complete, open_platform, transfer_count


@dataclass(frozen=True)
class Upgrade:
    """A stack whose processes run the release before until they are told otherwise."""

    release: Release
    scenario: Scenario

    @property
    def stack(self) -> LocalStack:
        """Its processes."""
        return self.scenario.processes

    def choose(self, service: str, *, new: bool) -> None:
        """Has what is started of a service from now on be of this release, or of the one before."""
        settings = cast(dict[str, str], self.stack.running.service_settings[service])
        for name, value in self.release.environment.items():
            settings.pop(name, None)
            if not new:
                settings[name] = value

    def migrate(self, service: str) -> None:
        """Brings a database to the schema of this release, whatever runs on it."""
        self.choose(service, new=True)
        self.stack.service(service).migrate()
        self.choose(service, new=False)

    def roll(self, service: str, *, new: bool) -> None:
        """Restarts both processes of a service, one after the other."""
        self.choose(service, new=new)
        for part in (f"{service}{STANDBY}", service):
            self.stack.restart(part)
            assert self.is_new(part) is new

    def is_new(self, part: str) -> bool:
        """Tells whether a running process was started with this release's packages."""
        pid = self.stack.parts[part].pid
        assert pid is not None
        started_with = Path(f"/proc/{pid}/environ").read_bytes()
        return str(self.release.folder).encode() not in started_with


@pytest.fixture(scope="module")
def upgrade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgrade]:
    """A stack of the release before, two processes of every service, on the schema of its time."""
    release = Release.unpacked(tmp_path_factory.mktemp(RELEASE))
    with Scenario.private(release.environment, PATIENCE, standbys=SERVICES) as scenario:
        yield Upgrade(release, scenario)


def test_upgrade_and_rollback_lose_no_payment(upgrade: Upgrade) -> None:
    """Migrated under the old processes, rolled to this release one by one, and back: old ones start on the new schema.

    Every payment handed in meanwhile settles once, and the log has all of it.
    """
    with Sandbox(upgrade.stack.running, PATIENCE) as box:
        platform = open_platform(box)
        before = transfer_count(platform.client)
        with Traffic(platform) as traffic:

            def more() -> None:
                traffic.wait_for_more(20)

            more()
            # What v0.1.0 has registered has no certificate pinned: two operators say whose is which.
            declare(upgrade.stack.running)
            for service in SERVICES:
                upgrade.migrate(service)
                more()
            for new in (True, False):
                for service in ORDER_FROM_RELEASE if new else reversed(ORDER_FROM_RELEASE):
                    upgrade.roll(service, new=new)
                    more()
        traffic.await_all_settled()
        assert transfer_count(platform.client) - before == len(traffic.instruction_ids)
        await_log_complete(box)
