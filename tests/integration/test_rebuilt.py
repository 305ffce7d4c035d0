"""What is computed again from events alone is what runs; what was changed is found."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from ringfence.audit import Finding
from ringfence.errors import RingfenceError
from ringfence_bootstrap.description import SERVICES
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Platform
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_verifier import verify_checkpoint, verify_log

from .traffic import ACTIVE_SECONDS, await_log_complete, open_platform


@pytest.fixture(scope="module")
def platform(sandbox: Sandbox) -> Platform:
    """A platform with clients and money."""
    return open_platform(sandbox)


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
    assert _differing(sandbox) == set()


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
