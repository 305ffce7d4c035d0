"""A stack of their own: cases import lists, and refuse what the other tests must be able to pay."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ringfence_local_stack.scenario import Scenario

from .registry import PATIENCE


@pytest.fixture(scope="session")
def case_stack() -> Iterator[Scenario]:
    """The stack on which mended cases are played, and on which the API of the scenario is tried."""
    with Scenario.private(patience=PATIENCE) as scenario:
        yield scenario
