"""How a command or the demo gets to the sandbox.

Nothing of the stack is imported before a command runs: `--help` stays quick.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from ringfence.commands.terminal import note
from ringfence.transport import Patience

if TYPE_CHECKING:
    from ringfence_local_stack.sandbox.sandbox import Sandbox


Fresh = Annotated[bool, typer.Option("--fresh", help="Use a private, empty stack, gone afterwards.")]


@contextmanager
def sandbox(patience: Patience | None = None) -> Iterator[Sandbox]:
    """The sandbox of the stack that is up; raises StackNotRunning."""
    from ringfence_local_stack.sandbox.sandbox import Sandbox
    from ringfence_local_stack.stack.local_stack import LocalStack

    with Sandbox(LocalStack.attach(), patience) as box:
        yield box


@contextmanager
def sandbox_or_own(fresh: bool, patience: Patience | None = None) -> Iterator[Sandbox]:
    """The sandbox of the stack that is up, or of one that is started for as long as the block lasts.

    For `demo` and `replay` alone: whatever else asks a stack that is not there would be told of an empty one.
    """
    from ringfence_local_stack.sandbox.sandbox import Sandbox
    from ringfence_local_stack.sandbox.stacks import running_stack

    with running_stack(fresh, note) as stack, Sandbox(stack, patience) as box:
        yield box
