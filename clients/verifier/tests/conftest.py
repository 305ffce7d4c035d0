"""Real proof cases, and a small log written down independently of the verifier."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

MERKLE_DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "merkle"


@pytest.fixture(scope="session")
def merkle_data() -> Path:
    """The folder of proof cases that nobody here wrote; absent in a user's clone, never in CI."""
    if not MERKLE_DATA.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"{MERKLE_DATA} is absent in CI")
        pytest.skip("the shared Merkle data is absent")
    return MERKLE_DATA
