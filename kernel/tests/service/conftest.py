"""The probe's process for tests of the skeleton."""

from __future__ import annotations

from pathlib import Path

import pytest
from ringfence_local_stack.servers.openbao import OpenBaoServer

from ..launching import Launcher


@pytest.fixture
def launcher(openbao_server: OpenBaoServer, tmp_path: Path) -> Launcher:
    """A launcher in a folder of its own."""
    return Launcher(openbao_server, tmp_path)
