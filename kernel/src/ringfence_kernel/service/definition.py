"""What a service says about itself; the skeleton does the rest."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ringfence_kernel.access.standing import Standing
from ringfence_kernel.access.token_keys import KeySource
from ringfence_kernel.rpc.health import Check
from ringfence_kernel.rpc.server import Servicer
from ringfence_kernel.service.leadership import Leadership
from ringfence_kernel.service.runtime import Runtime
from ringfence_kernel.service.settings import Settings
from ringfence_kernel.service.tasks import Task
from ringfence_kernel.store import Migration

SettingsT = TypeVar("SettingsT", bound=Settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """A service put together: what it serves, what runs beside, and what it needs in order to be well.

    `token_keys` is given by the issuer of tokens alone; everybody else fetches the keys from it. With `leadership`
    several processes may share the database: `tasks` run, and servicers answer, in the one that leads; `everywhere` is
    what runs in all of them. `standing` answers from the state that all of them keep.
    """

    servicers: Sequence[Servicer]
    standing: Standing
    tasks: Sequence[Task] = ()
    everywhere: Sequence[Task] = ()
    checks: Sequence[Check] = ()
    token_keys: KeySource | None = None
    leadership: Leadership | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildReport:
    """What a rebuild from events alone found; `differences` counts by name of the state or read model compared."""

    events: int
    differences: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_same(self) -> bool:
        """Tells whether nothing differs."""
        return not any(self.differences.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Generic[SettingsT]):
    """A verb of one service's own, for operators: it does its work and returns what is printed as JSON.

    `arguments` adds its options to the parser; `run` gets what was typed, and raises CannotRun where it cannot be done.
    """

    help: str
    run: Callable[[SettingsT, argparse.Namespace], Mapping[str, object]]
    arguments: Callable[[argparse.ArgumentParser], None] = lambda parser: None


class CannotRun(Exception):
    """Why a service's own verb cannot be done; nothing was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Generic[SettingsT]):
    """One of the services.

    `assemble` opens the store, rebuilds the state and wires servicers; what must be closed goes to `runtime.resources`.
    `migrations` are all of its database, as this release needs them. `rebuild(settings, verify)` builds state and read
    models from events; with `verify` it compares them with the live ones and leaves those alone. `commands` are by
    verb.
    """

    name: str
    settings: type[SettingsT]
    assemble: Callable[[Runtime[SettingsT]], Awaitable[Assembly]]
    migrations: Callable[[], Sequence[Migration]]
    rebuild: Callable[[SettingsT, bool], RebuildReport]
    commands: Mapping[str, Command[SettingsT]] = field(default_factory=dict)
