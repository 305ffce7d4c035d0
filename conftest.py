"""Fixtures of real servers, one profile for all property tests, and what is begun first."""

from __future__ import annotations

import atexit
import gc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["ringfence_local_stack.pytest_plugin"]

ROOT = Path(__file__).parent
LONGEST = (
    "tests/integration/test_drills.py",
    "tests/integration/test_two_people.py",
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

# How long an input takes to make says more about the machine than about the test.
settings.register_profile("ringfence", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ringfence")

# Else every worker, as it ends, looks for garbage in all that it has imported and collected.
atexit.register(gc.freeze)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest files in front; workers take files in this order."""
    items.sort(key=lambda item: _RANKS.get(item.path, len(_RANKS)))
