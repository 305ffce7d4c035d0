"""Real proof cases, and a small log written down independently of the verifier."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ringfence_verifier import PAGE

from .browser import Browser, page


@pytest.fixture(scope="session")
def merkle_data(foreign_data: Callable[[str], Path]) -> Path:
    """The folder of proof cases that nobody here wrote."""
    return foreign_data("merkle")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The page that verifies evidence, opened from the verifier's own files."""
    with page(PAGE, tmp_path_factory.mktemp("browser")) as opened:
        yield opened
