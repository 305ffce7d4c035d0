"""`ringfence-nats bootstrap --plan|--apply`, and `ringfence-nats accounts` for a server that is not there yet."""

from __future__ import annotations

import argparse
import os
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ringfence_bootstrap.description import Description, load
from ringfence_bootstrap.errors import BootstrapError
from ringfence_bootstrap.nats.accounts import accounts_difference, accounts_text, write_accounts
from ringfence_bootstrap.nats.admin import NatsAdmin
from ringfence_bootstrap.nats.reconciling import apply, changes
from ringfence_bootstrap.plan import FAILED, NOTHING_PENDING, PENDING, ask_plan_or_apply, report

_PORT = 4222


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; exit codes: 0 as described, 2 differences found by `--plan`, 1 failed (says why)."""
    parsed = _parser().parse_args(arguments)
    try:
        described = load(parsed.description)
        if parsed.command == "accounts":
            print(accounts_text(described), end="")
            return NOTHING_PENDING
        return _bootstrap(parsed, described)
    except BootstrapError as error:
        print(f"ringfence-nats: {error}", file=sys.stderr)
    except OSError as error:
        print(f"ringfence-nats: NATS: {error}", file=sys.stderr)
    return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ringfence-nats")
    commands = parser.add_subparsers(dest="command", required=True)
    bootstrap = commands.add_parser("bootstrap", help="compare NATS with the description, or make it so")
    ask_plan_or_apply(bootstrap)
    bootstrap.add_argument("--certificate", type=Path, required=True, help="the administrator's, PEM")
    bootstrap.add_argument("--key", type=Path, required=True, help="its private key, PEM")
    bootstrap.add_argument("--accounts-file", type=Path, help="the file that the servers include, kept as described")
    accounts = commands.add_parser("accounts", help="print the accounts that the servers' configuration includes")
    for command in (bootstrap, accounts):
        command.add_argument("--description", type=Path, required=True, help="the installation's TOML file")
    return parser


def _bootstrap(parsed: argparse.Namespace, described: Description) -> int:
    nats = _connect(parsed.certificate, parsed.key)
    file: Path | None = parsed.accounts_file
    of_file = accounts_difference(file, described) if file else None
    differences = [of_file] if of_file else []
    if parsed.plan:
        differences += [change.difference for change in changes(nats, described)]
        print("\n".join(report(differences, done=False)))
        return PENDING if differences else NOTHING_PENDING
    if file and of_file:
        write_accounts(file, described)
    differences += apply(nats, described)
    print("\n".join(report(differences, done=True)))
    return NOTHING_PENDING


def _connect(certificate: Path, key: Path) -> NatsAdmin:
    urls, ca_file = os.environ.get("RINGFENCE_NATS_URL", ""), os.environ.get("RINGFENCE_NATS_CACERT", "")
    for variable, value in (("RINGFENCE_NATS_URL", urls), ("RINGFENCE_NATS_CACERT", ca_file)):
        if not value:
            raise BootstrapError(f"{variable} is not set")
    try:
        return NatsAdmin([_server(each.strip()) for each in urls.split(",")], Path(ca_file), certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise BootstrapError(f"{ca_file}, {certificate} and {key} are no certificates with a key: {error}") from None


def _server(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url if "://" in url else f"tls://{url}")
        host, port = parts.hostname, parts.port or _PORT
    except ValueError:
        host, port = None, 0
    if not host:
        raise BootstrapError("RINGFENCE_NATS_URL is not a list of addresses")
    return host, port
