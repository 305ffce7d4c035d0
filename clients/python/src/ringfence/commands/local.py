"""What the command gains where the local stack is installed: more subcommands, and the principals of its sandbox.

Both are found by entry points, so that the SDK imports nothing of the stack.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, cast

import typer

from ringfence.client import Client
from ringfence.commands.on_demand import Command, command
from ringfence.errors import SetupError

DISTRIBUTION = "ringfence-local-stack"
COMMANDS = "ringfence.commands"
"""Entry point group: name of a subcommand, and the function that Typer takes."""
SANDBOX = "ringfence.sandbox"
"""Entry point group with the one name `open`: a function that gives a context with the Sandbox that is up."""


class LocalStackMissing(SetupError):
    """Something was asked for that only the local stack can do, and it is not installed."""

    subject = "stack"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} need the local stack, which is not installed: pip install {DISTRIBUTION}")


class Sandbox(Protocol):
    """A sandbox as the SDK's own commands use it."""

    def client(self, name: str) -> Client:
        """A client as this principal of the sandbox; raises CredentialsError for an unknown name."""

    def log_key(self) -> str:
        """The public key of the sandbox's log, got from the keeper of the key and not from the log."""

    def rebuild_checks(self) -> Sequence[Callable[[], None]]:
        """One check per service, that its stored events verify; each raises CommandFailed where they do not."""


def sandbox(what: str) -> AbstractContextManager[Sandbox]:
    """The sandbox of the stack that is up; `what` needs it: raises LocalStackMissing where it is not installed."""
    found = _entry_points(SANDBOX).get("open")
    if found is None:
        raise LocalStackMissing(what)
    return cast("Callable[[], AbstractContextManager[Sandbox]]", found.load())()


def subcommand(name: str) -> Command:
    """One of the local stack; without it, a hidden one that says what to install."""
    found = _entry_points(COMMANDS)
    if name in found:
        return command(name, found[name].load())
    anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    return command(name, _missing, hidden=True, add_help_option=False, context_settings=anything)


def _missing(context: typer.Context) -> None:
    raise LocalStackMissing(f"commands such as `ringfence {context.info_name}`")


def _entry_points(group: str) -> dict[str, EntryPoint]:
    return {each.name: each for each in entry_points(group=group)}
