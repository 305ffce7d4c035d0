"""A stack of their own: cases import lists, and refuse what the other tests must be able to pay."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ringfence_local_stack.scenario import Scenario

from .registry import PATIENCE


@pytest.fixture(scope="package")
def case_stack() -> Iterator[Scenario]:
    """The stack on which mended cases and the scenario's API are tried; its banks justify all that was booked."""
    with Scenario.private(patience=PATIENCE) as scenario:
        yield scenario
        assert scenario.regulator.audit.prove_transfers().unproven == []
