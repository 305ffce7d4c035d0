"""The command line of every service: `serve`, `rebuild [--verify]`, verbs of its own and those of its database."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TypeVar

import uvloop

from ringfence_kernel.access.control import AccessRuleMissing
from ringfence_kernel.projecting.refilling import ReadersInTheWay, RebuildUnderWay
from ringfence_kernel.rpc.server import CannotListen
from ringfence_kernel.service.definition import CannotRun, Service
from ringfence_kernel.service.serving import serve
from ringfence_kernel.service.settings import Settings
from ringfence_kernel.starting import OF_DATABASE
from ringfence_kernel.store import command as of_database
from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.settings import InvalidSetting, MissingSetting, read
from ringfence_kernel.vault import VaultLoginRefused

SettingsT = TypeVar("SettingsT", bound=Settings)

_CANNOT_START = 2
_STOPS_START_UP = (MissingSetting, InvalidSetting, VaultLoginRefused, AccessRuleMissing, CannotListen)


def main(service: Service[SettingsT], arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code.

    0 done, 1 failed or different, 2 cannot start (says why), 3 what was waited for has not come (says what).
    """
    parser = argparse.ArgumentParser(prog=f"ringfence-{service.name}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve until SIGTERM")
    of_database.add_verbs(commands)
    rebuild = commands.add_parser("rebuild", help="build state and read models from events alone")
    rebuild.add_argument("--verify", action="store_true", help="compare them with the live ones, change nothing")
    for verb, command in service.commands.items():
        command.arguments(commands.add_parser(verb, help=command.help))
    parsed = parser.parse_args(arguments)
    try:
        return _run(service, parsed)
    except _STOPS_START_UP as error:
        print(f"{service.name} cannot start: {error}", file=sys.stderr)
        return _CANNOT_START


def _run(service: Service[SettingsT], parsed: argparse.Namespace) -> int:
    if parsed.command in OF_DATABASE:
        return of_database.run(service.name, service.migrations, parsed)
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
