"""The command line of every service: `serve`, `migrate [--wait]`, `rebuild [--verify]`, `accept-history`, its own."""

from __future__ import annotations

import argparse
import atexit
import gc
import json
import math
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TypeVar

import psycopg
import uvloop

from ringfence_kernel.access.control import AccessRuleMissing
from ringfence_kernel.projecting.refilling import ReadersInTheWay, RebuildUnderWay
from ringfence_kernel.rpc.server import CannotListen
from ringfence_kernel.service.definition import CannotRun, Service
from ringfence_kernel.service.serving import serve
from ringfence_kernel.service.settings import (
    AwaitingSettings,
    InvalidSetting,
    MigrationSettings,
    MissingSetting,
    Settings,
    read,
)
from ringfence_kernel.store import SchemaNotThere, apply_migrations, await_migrations
from ringfence_kernel.store.two_clocks import HistoryNotAhead, accept_history
from ringfence_kernel.telemetry import logs
from ringfence_kernel.vault import VaultLoginRefused

SettingsT = TypeVar("SettingsT", bound=Settings)

_LOG = logs.get(__name__)
_CANNOT_START, _NOT_THERE = 2, 3
WAIT_SECONDS = 300.0
_STOPS_START_UP = (MissingSetting, InvalidSetting, VaultLoginRefused, AccessRuleMissing, CannotListen)


def main(service: Service[SettingsT], arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code.

    0 done, 1 failed or different, 2 cannot start (says why), 3 what was waited for has not come (says what).
    """
    # Else the interpreter, as it ends, looks for garbage in all that was imported: a fifth of a short command.
    atexit.register(gc.freeze)
    parser = argparse.ArgumentParser(prog=f"ringfence-{service.name}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve until SIGTERM")
    migrate = commands.add_parser("migrate", help="bring the database up to date, as its owner")
    migrate.add_argument("--wait", action="store_true", help="wait until somebody has, as the service's own role")
    migrate.add_argument("--timeout", type=_seconds, default=WAIT_SECONDS, help="how many seconds to wait; %(default)g")
    rebuild = commands.add_parser("rebuild", help="build state and read models from events alone")
    rebuild.add_argument("--verify", action="store_true", help="compare them with the live ones, change nothing")
    accept = commands.add_parser(
        "accept-history", help="let events follow a last one that is dated ahead, as the owner"
    )
    accept.add_argument("--position", type=int, required=True, help="position of the last event")
    accept.add_argument("--by", required=True, help="who has decided it")
    accept.add_argument("--reason", required=True, help="why the history stands, for instance the incident's number")
    for verb, command in service.commands.items():
        command.arguments(commands.add_parser(verb, help=command.help))
    parsed = parser.parse_args(arguments)
    try:
        return _run(service, parsed)
    except _STOPS_START_UP as error:
        print(f"{service.name} cannot start: {error}", file=sys.stderr)
        return _CANNOT_START


def _run(service: Service[SettingsT], parsed: argparse.Namespace) -> int:
    if parsed.command == "migrate":
        return _await_migrations(service, parsed.timeout) if parsed.wait else _migrate(service)
    if parsed.command == "accept-history":
        return _accept_history(service.name, parsed)
    settings = read(service.settings)
    if parsed.command == "serve":
        logs.configure(service.name, settings.log_level)
        return uvloop.run(serve(service, settings))
    logs.configure(service.name, settings.log_level, sys.stderr)
    if parsed.command in service.commands:
        return _run_own(service, settings, parsed)
    try:
        report = service.rebuild(settings, parsed.verify)
    except (RebuildUnderWay, ReadersInTheWay) as error:
        print(f"{service.name} cannot be rebuilt now: {error.__doc__} ({error})", file=sys.stderr)
        return 1
    outcome = {"service": service.name, "events": report.events, "differences": dict(report.differences)}
    print(json.dumps(outcome | {"same": report.is_same}))
    return 0 if report.is_same else 1


def _run_own(service: Service[SettingsT], settings: SettingsT, parsed: argparse.Namespace) -> int:
    try:
        outcome = service.commands[parsed.command].run(settings, parsed)
    except CannotRun as error:
        print(f"{service.name}: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"service": service.name, **outcome}))
    return 0


def _migrate(service: Service[SettingsT]) -> int:
    owner = read(MigrationSettings)
    logs.configure(service.name, owner.log_level, sys.stderr)
    applied = apply_migrations(owner.conninfo(), owner.application_role(), service.migrations())
    _LOG.info("migrated", applied=applied)
    return 0


def _await_migrations(service: Service[SettingsT], timeout_seconds: float) -> int:
    """Waits for the owner's migration.

    SIGTERM ends it, also as the first process of a container, which gets no signal that it does not handle.
    """
    settings = read(AwaitingSettings)
    logs.configure(service.name, settings.log_level, sys.stderr)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        await_migrations(settings.conninfo(), service.migrations(), timeout_seconds)
    except SchemaNotThere as error:
        print(f"{service.name}'s schema is not there after {timeout_seconds:g} s: {error}", file=sys.stderr)
        return _NOT_THERE
    return 0


def _seconds(text: str) -> float:
    """Returns a number of seconds from zero on; raises ValueError."""
    seconds = float(text)
    if not 0 <= seconds < math.inf:
        raise ValueError
    return seconds


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
