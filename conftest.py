"""Fixtures of real servers, one profile for all property tests, and who runs what in which order."""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

pytest_plugins = ["ringfence_local_stack.pytest_plugin"]

ROOT = Path(__file__).parent
WHOLE = ("tests/integration", "tests/cases")
"""Packages of tests with a whole stack, which costs for as long as it runs."""
OWN_STACKS = {
    f"tests/integration/test_{name}.py"
    for name in ("compromised", "floods", "metrics", "owner_standing", "recomputed", "runbooks", "tiles")
}
"""Those of them that make what they need, or need none."""
FIRST_STACK = {
    f"tests/integration/test_{name}.py"
    for name in ("two_people", "rebuilt", "hostile", "invented", "flows", "access", "pins", "custodian")
}
"""Those that share the one stack of the integration tests; the others share the second."""
LONGEST = (
    "tests/integration/test_two_people.py",
    "tests/integration/test_rebuilt.py",
    "kernel/tests/service/test_starting.py",
    "tests/integration/test_compromised.py",
    "tests/cases/test_cases.py",
    "tools/local-stack/tests/stack/test_stack.py",
    "kernel/tests/service/test_service.py",
    "tests/integration/test_metrics.py",
    "tools/bootstrap/tests/test_vault_bootstrap.py",
    "tools/local-stack/tests/commands/test_cli_whole.py",
    "kernel/tests/service/test_leadership.py",
    "tests/integration/test_floods.py",
    "kernel/tests/test_store.py",
    "services/payment-instruction/tests/test_payment_rail.py",
    "tools/bootstrap/tests/test_nats_bootstrap.py",
    "tests/integration/test_clients.py",
    "kernel/tests/service/test_handing_over.py",
    "tests/stores/test_kept_stores.py",
    "tools/local-stack/tests/servers/test_postgres.py",
    "kernel/tests/feed/test_doorbell.py",
    "tests/integration/test_access.py",
    "tests/integration/test_flows.py",
    "deploy/checks/test_terraform.py",
    "deploy/checks/test_checkov.py",
    "deploy/checks/test_rules.py",
    "deploy/checks/test_platform.py",
    "deploy/checks/test_values.py",
    "deploy/checks/test_bootstrap_runbook.py",
    "deploy/checks/test_local_vault.py",
)
"""Files that take long, about the longest first, of each verb: a worker that got one of them last would end alone."""
_RANKS = {ROOT / name: rank for rank, name in enumerate(LONGEST)}
_PACKAGES = {ROOT / name: rank for rank, name in enumerate(WHOLE)}

# How long an input takes to make says more about the machine than about the test.
settings.register_profile("ringfence", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ringfence")

# What is imported and collected stays: nobody looks for garbage in it, then or while tests run, or when all ends.
gc.disable()
atexit.register(gc.freeze)


@pytest.fixture(scope="session")
def foreign_data() -> Callable[[str], Path]:
    """Gives a file or folder of data that nobody here wrote; what needs it is skipped in a clone alone, never in CI."""

    def find(name: str) -> Path:
        path = ROOT.parent / "shared" / "data" / name
        if not path.exists():
            (pytest.fail if "CI" in os.environ else pytest.skip)(f"{name} is not beside the project")
        return path

    return find


class Together(LoadFileScheduling):  # type: ignore[misc]
    """Gives a worker a file at a time, and all that share a stack to one worker, which then starts it once."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        package = file.rpartition("/")[0]
        if package not in WHOLE or file in OWN_STACKS:
            return file
        return f"{package} {'one' if file in FIRST_STACK else 'other'}"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None]:
    """Garbage is looked for again, in what the tests themselves make."""
    yield
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    """Has it decide for `-n`, whatever `--dist` says."""
    return Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts files with a whole stack in front, and the longest of each kind; workers take them in this order."""
    items.sort(key=lambda item: (_PACKAGES.get(item.path.parent, len(_PACKAGES)), _RANKS.get(item.path, len(_RANKS))))
