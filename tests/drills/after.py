"""After every drill, whatever it was about: the four services agree, and so do the log and their rebuilds.

Where a stack ends that a drill has started, it is compared first: no drill has to think of it, and none can forget it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.stack.local_stack import LocalStack

from tests.chaos.agreement import disagreements, rebuilt
from tests.chaos.drill import PATIENCE

Compare = Callable[[LocalStack], list[str]]


def compared(stack: LocalStack) -> list[str]:
    """Returns in what the services of a stack do not agree; none of them runs any more then."""
    with Sandbox(stack.running, PATIENCE) as sandbox:
        found = disagreements(sandbox)
    return [*found, *rebuilt(stack)]


def compare_at_the_end(patch: pytest.MonkeyPatch, compare: Compare = compared) -> None:
    """Has every stack compared where it ends as it should; a difference is raised once the stack has ended."""
    end = LocalStack.__exit__

    def compare_and_end(stack: LocalStack, *reason: Any) -> None:
        found: list[str] = []
        try:
            if not any(reason):
                found = compare(stack)
        finally:
            end(stack, *reason)
        assert not found, found

    patch.setattr(LocalStack, "__exit__", compare_and_end)
