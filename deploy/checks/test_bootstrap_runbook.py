"""docs/runbooks/bootstrap.md, walked: its commands on a real, empty OpenBao, its formats read by the services."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import hvac.exceptions
import pytest
from ringfence_identity.principals.adapters import read_first_principals
from ringfence_identity.principals.domain.roles import Kind
from ringfence_local_stack.processes.programs import find_bao
from ringfence_local_stack.pytest_plugin import running_blank_openbao
from ringfence_local_stack.servers.openbao import OpenBaoServer
from ringfence_payment_instruction.rail.adapters.principal import RailCredentials

from deploy.checks.platform.files import ROOT
from deploy.checks.test_local_vault import STAND_IN

RUNBOOK = ROOT / "docs" / "runbooks" / "bootstrap.md"
TRUST_DOMAIN = "ringfence.example"
FILLED_IN = ("id", "public_key_b64url", "certificate_sha256_hex")
"""What the runbook's example writes in capitals."""


def blocks() -> list[str]:
    """Returns the runbook's commands, those that stand together as one text."""
    lines = RUNBOOK.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line[7:] if line.startswith(" " * 7) else "" for line in lines)
    return [each for each in re.split(r"\n{2,}", text) if each.strip()]


def formats() -> list[str]:
    """Returns the JSON texts of the runbook."""
    return re.findall(r"```json\n(.*?)```", RUNBOOK.read_text(encoding="utf-8"), re.DOTALL)


@dataclass(frozen=True)
class Walk:
    """Somebody's shell near Vault, with the root token of the initialisation."""

    server: OpenBaoServer
    folder: Path
    token: str

    def run(self, block: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs the commands of a block; the address and authority are the server's."""
        path = [str(STAND_IN), str(ROOT / ".venv" / "bin"), str(find_bao().parent), os.environ["PATH"]]
        environment: Mapping[str, str] = {
            "PATH": os.pathsep.join(path),
            "HOME": str(self.folder),
            "VAULT_TOKEN": self.token,
            "VAULT_ADDR": self.server.address,
            "VAULT_CACERT": str(self.server.ca_file),
            "STAND_IN_CLUSTER": str(self.folder / "cluster"),
            "STAND_IN_OPENBAO": self.server.address,
            **variables,
        }
        text = "\n".join(line for line in block.splitlines() if not line.startswith("export "))
        command = ["bash", "-uo", "pipefail", "-c", text]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    def do(self, block: str, **variables: str) -> str:
        """Runs a block every command of which has to succeed; returns what it prints."""
        done = self.run(f"set -e\n{block}", **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def of(self, name: str, file: str) -> str:
        """What a principal's folder holds."""
        return (self.folder / name / file).read_text(encoding="ascii").strip()


@pytest.fixture
def walk(stack_folder: Path, tmp_path: Path) -> Iterator[Walk]:
    """An empty OpenBao, and the example's description with a login that needs no pod."""
    text = (ROOT / "tools" / "bootstrap" / "example.toml").read_text(encoding="utf-8")
    method = 'method = "kubernetes"'
    assert method in text
    keys = "https://issuer.example/keys"
    login = f'method = "jwt"\nshared = true\nissuer = "https://issuer.example"\njwks_url = "{keys}"'
    (tmp_path / "ringfence.toml").write_text(text.replace(method, login), encoding="utf-8")
    with running_blank_openbao(stack_folder) as server:
        server.admin().write("sys/auth/jwt", type="jwt")
        yield Walk(server, tmp_path, server.admin_token)


def test_the_first_start_is_walked(walk: Walk) -> None:
    """From the root token to principals that identity and payment-instruction read; no token is left at the end."""
    policy, plan, end, authorities, accounts, keys, signing, principals, bank = blocks()
    walk.do(policy)
    shown, applied = (walk.run(each) for each in plan.splitlines())
    assert (shown.returncode, applied.returncode) == (2, 0), shown.stderr + applied.stderr
    assert {line[0] for line in shown.stdout.splitlines()[:-1]} == {"+", " "}
    assert shown.stdout.replace("to change", "changed") == applied.stdout
    walk.do(end)
    walk.do(authorities)
    walk.do(accounts)
    for name, kind in (("first", "operator"), ("second", "operator"), ("bank-feed", "bank-feed")):
        walk.do(keys, name=name, kind=kind, trust_domain=TRUST_DOMAIN)
        walk.do(signing, name=name)
    (walk.folder / "principals.json").write_text(json.dumps(_entries(walk)))
    walk.do(principals)
    walk.do(bank)

    kept = walk.folder / "cluster" / "ringfence"
    first = read_first_principals(kept / "configmap" / "ringfence-first-principals" / "principals.json")
    assert [each.principal.kind for each in first] == [Kind.OPERATOR, Kind.OPERATOR, Kind.BANK_FEED]
    loaded = RailCredentials.load(kept / "secret" / "bank-feed")
    assert loaded.principal == first[2].principal.id
    public = loaded.signing_key.public_key().public_bytes_raw()
    assert public == first[2].principal.public_key
    for file in ("administrator.token", "operator.token"):
        with pytest.raises(hvac.exceptions.Forbidden):
            walk.server._api((walk.folder / file).read_text().strip()).read("auth/token/lookup-self")
    with pytest.raises(hvac.exceptions.Forbidden):
        walk.server.admin().read("auth/token/lookup-self")


def _entries(walk: Walk) -> list[dict[str, object]]:
    """What the principals handed over, in the form of the runbook's example."""
    (example,) = formats()
    entries = []
    for shown in json.loads(example):
        name = str(shown["name"])
        entry = {**json.loads(walk.of(name, "principal.json")), "certificate_sha256_hex": walk.of(name, "thumbprint")}
        assert {**entry, **{field: shown[field] for field in FILLED_IN}} == shown
        entries.append(entry)
    return entries
