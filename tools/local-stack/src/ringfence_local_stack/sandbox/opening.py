"""How a command or the demo gets to the sandbox.

Nothing of the stack is imported before a command runs: `--help` stays quick.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ringfence.commands.terminal import note
from ringfence.transport import Patience

if TYPE_CHECKING:
    from ringfence_local_stack.sandbox.sandbox import Sandbox


@contextmanager
def sandbox(fresh: bool, patience: Patience | None = None) -> Iterator[Sandbox]:
    """The sandbox of the stack that is up, or of one that is started for as long as the block lasts."""
    from ringfence_local_stack.sandbox.sandbox import Sandbox
    from ringfence_local_stack.sandbox.stacks import running_stack

    with running_stack(fresh, note) as stack, Sandbox(stack, patience) as box:
        yield box
