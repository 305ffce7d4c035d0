"""`ringfence rebuild`: a service's state and read models made again from its events alone."""

from __future__ import annotations

import subprocess
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from ringfence.commands.errors import CommandFailed
from ringfence.commands.terminal import output

from ringfence_local_stack.sandbox.opening import sandbox

if TYPE_CHECKING:
    from ringfence_local_stack.stack.running import RunningStack


class Service(StrEnum):
    """Services that have something to rebuild."""

    IDENTITY = "identity"
    CUSTODY = "custody"
    PAYMENT_INSTRUCTION = "payment-instruction"
    AUDIT = "audit"


def rebuild(
    service: Annotated[Service, typer.Argument(help="Service to rebuild.")],
    verify: Annotated[bool, typer.Option("--verify", help="Only compare with what is there; change nothing.")] = False,
) -> None:
    """Replays a service's events, checks their hash chain, and rebuilds or compares its state and read models."""
    with sandbox() as box:
        rebuild_service(box.stack, service.value, verify=verify)


def rebuild_service(stack: RunningStack, service: str, *, verify: bool) -> None:
    """Runs the service's own rebuild beside it; raises CommandFailed where that finds a difference."""
    command = [
        sys.executable,
        "-m",
        f"ringfence_{service.replace('-', '_')}",
        "rebuild",
        *(["--verify"] if verify else []),
    ]
    done = subprocess.run(command, env=stack.environment(service), capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        output.print(line, highlight=False, soft_wrap=True)
    if done.returncode:
        said = "\n".join(done.stderr.splitlines()[-15:])
        raise CommandFailed(
            f"{service}: rebuild found a difference or failed (status {done.returncode})\n{said}".rstrip()
        )
