"""What the SDK's own commands ask of a sandbox, found by them through the entry point `open`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from ringfence.client import Client

from ringfence_local_stack.commands.rebuild import rebuild_service
from ringfence_local_stack.sandbox.opening import sandbox

if TYPE_CHECKING:
    from ringfence_local_stack.sandbox.sandbox import Sandbox


class SandboxAccess:
    """What the SDK's own commands do with a sandbox (`ringfence.commands.local.Sandbox`)."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box

    def client(self, name: str) -> Client:
        """A client as this principal; raises CredentialsError for an unknown name."""
        return self._box.client(name)

    def log_key(self) -> str:
        """The public key of the audit log in C2SP vkey text."""
        return self._box.log_key()

    def rebuild_checks(self) -> list[Callable[[], None]]:
        """For each service, that its state and read models are what its events make."""
        stack = self._box.stack
        return [partial(rebuild_service, stack, service, verify=True) for service in stack.addresses]


@contextmanager
def open_sandbox() -> Iterator[SandboxAccess]:
    """The sandbox for the SDK's own commands: the one that is up; raises StackNotRunning."""
    with sandbox() as box:
        yield SandboxAccess(box)
