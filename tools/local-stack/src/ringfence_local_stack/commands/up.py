"""`ringfence up`: the whole platform on this machine, until Ctrl-C."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer
from ringfence.commands.terminal import note, output, show

if TYPE_CHECKING:
    from ringfence_local_stack.stack.local_stack import LocalStack

_SLEEP_SECONDS = 3600.0


def up(
    bank: Annotated[bool, typer.Option("--bank", help="Also run the simulated bank of the demo's platforms.")] = False,
) -> None:
    """Starts PostgreSQL, OpenBao, NATS and the four services, and keeps them running until Ctrl-C.

    Data is kept for the next start. A part that dies is started again.
    """
    from ringfence_local_stack.demo.script import platforms, refused_amounts
    from ringfence_local_stack.sandbox.bank import simulated_bank
    from ringfence_local_stack.sandbox.looking import regulators_console
    from ringfence_local_stack.sandbox.sandbox import Sandbox
    from ringfence_local_stack.sandbox.stacks import started_stack
    from ringfence_local_stack.sandbox.supervision import kept_up
    from ringfence_local_stack.stack.directories import default_directory

    with started_stack(default_directory(), note) as stack:
        with Sandbox(stack.running) as box:
            for name in box.names():
                box.client(name)
        _describe(stack)
        accounts = [each.safeguarding_iban for each in platforms()]
        simulator = simulated_bank(stack.running, accounts, fail_amounts=refused_amounts()) if bank else nullcontext()
        with simulator, Sandbox(stack.running) as box, regulators_console(box, _linked), kept_up(stack, note):
            _until_interrupted()


def _linked(link: str) -> None:
    output.print(f"console, as the regulator   {link} (works once)", highlight=False, soft_wrap=True)


def _describe(stack: LocalStack) -> None:
    from ringfence_local_stack.sandbox.birth import principals_folder

    running = stack.running
    servers = {
        "postgres": f"127.0.0.1:{stack.postgres.port}",
        "openbao": running.vault_address,
        "nats": running.nats_url,
    }
    where = {**servers, **running.listens}
    show("Ringfence is up", ["part", "address", "pid"], [[p, where[p], str(running.pids.get(p, ""))] for p in where])
    output.print(f"credentials of the sandbox  {principals_folder(running.directory)}", highlight=False, soft_wrap=True)
    output.print(f"logs                        {running.directory / 'logs'}", highlight=False, soft_wrap=True)
    output.print("Ctrl-C stops it.")


def _until_interrupted() -> None:
    try:
        while True:
            time.sleep(_SLEEP_SECONDS)
    except KeyboardInterrupt:
        note("stopping")
