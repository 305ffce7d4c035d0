"""`ringfence watch`: the states that a platform's instructions reach, as they reach them."""

from typing import Annotated
from uuid import UUID

import typer

from ringfence.commands.connect import As, client_as
from ringfence.commands.terminal import output


def watch(
    principal: As,
    after: Annotated[int, typer.Option(help="Feed position to go on after; 0 for everything.")] = 0,
    submission: Annotated[UUID | None, typer.Option(help="Only this submission.")] = None,
) -> None:
    """Follows the platform's instructions until Ctrl-C; goes on by itself when the service restarts."""
    with client_as(principal) as client:
        changes = client.payments.watch(after, submission)
        try:
            for change in changes:
                for state in change.states:
                    line = (
                        f"{change.position:>8}  {state.instruction_id}  {state.status.name.lower():<13} {state.reason}"
                    )
                    output.print(line.rstrip(), highlight=False, soft_wrap=True)
        except KeyboardInterrupt:
            return
