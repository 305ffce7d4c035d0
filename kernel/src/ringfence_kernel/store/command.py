"""The verbs that need nothing of a service but its migrations: `migrate [--wait]` and `accept-history`."""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict

import psycopg

from ringfence_kernel.store.migrating import SchemaNotThere, apply_migrations, await_migrations
from ringfence_kernel.store.schema import Migration
from ringfence_kernel.store.settings import AwaitingSettings, MigrationSettings
from ringfence_kernel.store.two_clocks import HistoryNotAhead, accept_history
from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.settings import InvalidSetting, MissingSetting, read

WAIT_SECONDS = 300.0

_LOG = logs.get(__name__)
_CANNOT_START, _NOT_THERE = 2, 3

Migrations = Callable[[], Sequence[Migration]]
"""All of a service's database, as this release needs them."""


def main(name: str, migrations: Migrations, arguments: Sequence[str]) -> int:
    """Runs one of them for a service and returns the exit code."""
    parser = argparse.ArgumentParser(prog=f"ringfence-{name}")
    add_verbs(parser.add_subparsers(dest="command", required=True))
    parsed = parser.parse_args(arguments)
    try:
        return run(name, migrations, parsed)
    except (MissingSetting, InvalidSetting) as error:
        print(f"{name} cannot start: {error}", file=sys.stderr)
        return _CANNOT_START


def add_verbs(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds them to a command line."""
    migrate = commands.add_parser("migrate", help="bring the database up to date, as its owner")
    migrate.add_argument("--wait", action="store_true", help="wait until somebody has, as the service's own role")
    migrate.add_argument("--timeout", type=_seconds, default=WAIT_SECONDS, help="how many seconds to wait; %(default)g")
    accept = commands.add_parser(
        "accept-history", help="let events follow a last one that is dated ahead, as the owner"
    )
    accept.add_argument("--position", type=int, required=True, help="position of the last event")
    accept.add_argument("--by", required=True, help="who has decided it")
    accept.add_argument("--reason", required=True, help="why the history stands, for instance the incident's number")


def run(name: str, migrations: Migrations, parsed: argparse.Namespace) -> int:
    """Runs one of them for a service and returns the exit code; raises MissingSetting or InvalidSetting."""
    if parsed.command == "accept-history":
        return _accept_history(name, parsed)
    return _await_migrations(name, migrations, parsed.timeout) if parsed.wait else _migrate(name, migrations)


def _migrate(name: str, migrations: Migrations) -> int:
    owner = read(MigrationSettings)
    logs.configure(name, owner.log_level, sys.stderr)
    applied = apply_migrations(owner.conninfo(), owner.application_role(), migrations())
    _LOG.info("migrated", applied=applied)
    return 0


def _await_migrations(name: str, migrations: Migrations, timeout_seconds: float) -> int:
    """Waits for the owner's migration.

    SIGTERM ends it, also as the first process of a container, which gets no signal that it does not handle.
    """
    settings = read(AwaitingSettings)
    logs.configure(name, settings.log_level, sys.stderr)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        await_migrations(settings.conninfo(), migrations(), timeout_seconds)
    except SchemaNotThere as error:
        print(f"{name}'s schema is not there after {timeout_seconds:g} s: {error}", file=sys.stderr)
        return _NOT_THERE
    return 0


def _accept_history(name: str, parsed: argparse.Namespace) -> int:
    owner = read(MigrationSettings)
    logs.configure(name, owner.log_level, sys.stderr)
    try:
        accepted = accept_history(owner.conninfo(), parsed.position, parsed.by, parsed.reason)
    except (HistoryNotAhead, psycopg.Error) as error:
        print(f"{name}'s history is not accepted: {error}", file=sys.stderr)
        return 1
    _LOG.warning("history_accepted", accepted_by=parsed.by, reason=parsed.reason, **asdict(accepted))
    print(json.dumps({"service": name, **asdict(accepted)}))
    return 0


def _seconds(text: str) -> float:
    """Returns a number of seconds from zero on; raises ValueError."""
    seconds = float(text)
    if not 0 <= seconds < math.inf:
        raise ValueError
    return seconds
