"""The probe's process for tests of the skeleton, and processes that compete for those of leadership."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.openbao import OpenBaoServer

from ..launching import Launcher
from .competing import Process


@pytest.fixture
def launcher(openbao_server: OpenBaoServer, tmp_path: Path) -> Launcher:
    """A launcher in a folder of its own."""
    return Launcher(openbao_server, tmp_path)


@pytest.fixture
def process(migrated: Database) -> Callable[[], Process]:
    """A factory of processes on one database."""
    conninfo = migrated.app_conninfo
    return lambda: Process(conninfo)
