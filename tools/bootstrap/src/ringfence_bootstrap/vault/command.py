"""`ringfence-vault bootstrap --plan|--apply`, and `ringfence-vault policy` for the token that it needs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from hvac import exceptions

from ringfence_bootstrap.description import load
from ringfence_bootstrap.errors import BootstrapError, TokenUnusable
from ringfence_bootstrap.plan import FAILED, NOTHING_PENDING, PENDING, ask_plan_or_apply, report
from ringfence_bootstrap.vault.administrator import administrator_rules
from ringfence_bootstrap.vault.api import VaultApi
from ringfence_bootstrap.vault.items import policy_document
from ringfence_bootstrap.vault.reconciling import apply, changes

_OUTAGES = (OSError, exceptions.VaultError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; exit codes: 0 as described, 2 differences found by `--plan`, 1 failed (says why)."""
    parsed = _parser().parse_args(arguments)
    try:
        return _policy(parsed) if parsed.command == "policy" else _bootstrap(parsed)
    except BootstrapError as error:
        print(f"ringfence-vault: {error}", file=sys.stderr)
    except _OUTAGES as error:
        print(f"ringfence-vault: Vault: {error}", file=sys.stderr)
    return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ringfence-vault")
    commands = parser.add_subparsers(dest="command", required=True)
    bootstrap = commands.add_parser("bootstrap", help="compare Vault with the description, or make it so")
    ask_plan_or_apply(bootstrap)
    bootstrap.add_argument("--token-file", type=Path, help="the administrator's token; else VAULT_TOKEN")
    policy = commands.add_parser("policy", help="print the policy that the administrator's token needs")
    for command in (bootstrap, policy):
        command.add_argument("--description", type=Path, required=True, help="the installation's TOML file")
    return parser


def _policy(parsed: argparse.Namespace) -> int:
    print(policy_document(administrator_rules(load(parsed.description))))
    return NOTHING_PENDING


def _bootstrap(parsed: argparse.Namespace) -> int:
    described = load(parsed.description)
    vault = _connect(parsed.token_file)
    is_root = _is_root(vault)
    if parsed.plan:
        pending = [change.difference for change in changes(vault, described)]
        print("\n".join(report(pending, done=False)))
        return PENDING if pending else NOTHING_PENDING
    print("\n".join(report(apply(vault, described), done=True)))
    if is_root:
        vault.write("auth/token/revoke-self")
        print("the root token is revoked")
    return NOTHING_PENDING


def _connect(token_file: Path | None) -> VaultApi:
    said, ca_file = os.environ.get("VAULT_ADDR", ""), os.environ.get("VAULT_CACERT", "")
    addresses = [each.strip() for each in said.split(",") if each.strip()]
    if not addresses:
        raise BootstrapError("VAULT_ADDR is not set")
    token = _token(token_file)
    return _active([VaultApi(each, Path(ca_file) if ca_file else None, token) for each in addresses], said)


def _active(servers: Sequence[VaultApi], said: str) -> VaultApi:
    """Returns the one that leads; a lone address may be that of a standby, which forwards, or of a proxy."""
    if len(servers) == 1:
        return servers[0]
    for server in servers:
        if server.is_active():
            return server
    raise BootstrapError(f"no server of VAULT_ADDR is active and unsealed, as far as VAULT_CACERT lets one see: {said}")


def _token(file: Path | None) -> str:
    if file is None:
        token, where = os.environ.get("VAULT_TOKEN", ""), "VAULT_TOKEN"
    else:
        try:
            token, where = file.read_text(encoding="ascii").strip(), str(file)
        except (OSError, UnicodeDecodeError):
            raise TokenUnusable(f"{file} is not a readable text file") from None
    if not token:
        raise TokenUnusable(f"{where} holds no token; see `ringfence-vault policy` for what it must be allowed")
    return token


def _is_root(vault: VaultApi) -> bool:
    """Whether the token is root; raises TokenUnusable where it is none."""
    try:
        return "root" in vault.read("auth/token/lookup-self")["data"]["policies"]
    except exceptions.Forbidden:
        raise TokenUnusable("Vault does not know the administrator's token: it has expired or was revoked") from None
