"""Rotation as an operator does it: a new version in OpenBao, one command, and readers who know the old key follow."""

from __future__ import annotations

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from ringfence.audit import Audit
from ringfence.commands import verify, whole_log
from ringfence.tokens import TokenSource
from ringfence.transport import Connection, Patience
from ringfence_kernel.values.ids import new_id
from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.openbao import OpenBaoServer
from ringfence_verifier import VerifierKey
from ringfence_verifier.note import signature_lines
from typer.testing import CliRunner

from .feeds import accounts_created
from .process import AuditProcess

KEY = "transit/keys/audit-checkpoint"


@pytest.fixture
def service(database: Callable[[str], Database], stack_folder: Path) -> Iterator[AuditProcess]:
    """A running service with an OpenBao of its own, whose key can be rotated without anybody else noticing."""
    folder = private_folder(stack_folder / f"rotation-{new_id().hex()}")
    openbao = OpenBaoServer(folder / "openbao", log_file=folder / "openbao.log")
    openbao.start()
    running = AuditProcess(openbao, database("audit"), folder)
    try:
        for mount in ("workload", "client"):
            write_private(folder / f"{mount}-ca.pem", openbao.authority_certificate(f"pki-{mount}") + "\n")
        running.serve_sources()
        running.feeds["custody"].add("AccountsCreated.v1", accounts_created("alice", owners=("owner-a",)))
        assert running.run("migrate").returncode == 0
        running.start()
        yield running
    finally:
        running.stop()
        openbao.stop()


@dataclass(frozen=True)
class Token:
    """A token that is there already."""

    text: str

    def token(self, seconds: float) -> str:
        """Gives it."""
        return self.text

    def forget(self, token: str) -> None:
        """There is no other."""


def audit_of(service: AuditProcess) -> Audit:
    """Gives the SDK's view of the log, as a regulator has it."""
    reader = service.reader("audit.read")
    return Audit(reader.channel, Connection(cast(TokenSource, Token(reader.token)), Patience()))


def signers(note: str) -> list[str]:
    """Gives the key ids of a checkpoint's lines."""
    return [key_id.hex() for _, key_id, _ in signature_lines(note)[1]]


def public_key(openbao: OpenBaoServer, version: int) -> str:
    """Gives a version's public key as OpenBao shows it."""
    return str(openbao.admin().read(KEY)["data"]["keys"][str(version)]["public_key"])


def key_of(service: AuditProcess, public: str) -> VerifierKey:
    """Gives a key of the service's log."""
    return VerifierKey.of(service.origin, b64decode(public))


def test_an_operator_rotates_the_key_and_a_regulator_follows(
    service: AuditProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ringfence verify log` with the old key says so, goes on from what it has seen, and everything agrees."""
    audit, custody, openbao = audit_of(service), service.feeds["custody"], service.openbao
    client = SimpleNamespace(audit=audit, credentials=SimpleNamespace(folder=tmp_path))
    monkeypatch.setattr(whole_log, "client_as", lambda principal: nullcontext(client))
    old = service.verifier_key()

    def verified() -> str:
        done = CliRunner().invoke(verify.app, ["log", "--as", "regulator", "--key", old])
        assert done.exit_code == 0, done.output + str(done.exception)
        return done.output

    def signed_by(*expected: VerifierKey) -> None:
        """Has the log grow until a checkpoint is signed by these alone."""
        give_up = time.monotonic() + 20
        while time.monotonic() < give_up:
            custody.add("AccountsCreated.v1", accounts_created(f"a{len(custody.events)}", owners=("owner-a",)))
            time.sleep(0.5)
            if signers(audit.checkpoint()) == [key.key_id.hex() for key in expected]:
                return
        raise AssertionError(f"signed by {signers(audit.checkpoint())}")

    first = key_of(service, public_key(openbao, 1))
    signed_by(first)
    assert "changed" not in verified()
    openbao.admin().write(f"{KEY}/rotate")
    second = public_key(openbao, 2)
    refused = service.run("rotate-key", "--public-key", "nonsense")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "is not an Ed25519 key" in refused.stderr
    strange = service.run("rotate-key", "--public-key", b64encode(bytes(range(32))).decode())
    assert strange.returncode == 0
    while "key_rotation_waits" not in (service.folder / "audit.log").read_text():
        signed_by(first)
    done = service.run("rotate-key", "--public-key", second, "--overlap-hours", "1")
    assert json.loads(done.stdout)["ordered"] == key_of(service, second).text()
    signed_by(first, key_of(service, second))
    assert "both sign" in verified()
    # A third ends the overlap.
    openbao.admin().write(f"{KEY}/rotate")
    third = public_key(openbao, 3)
    assert service.run("rotate-key", "--public-key", third, "--overlap-hours", "0").returncode == 0
    signed_by(key_of(service, third))
    said = verified()
    assert said.count("the log's key changed at") == 2
    assert key_of(service, third).text() in said.replace("\n", "")
    assert "everything agrees" in said
    assert json.loads(service.run("rebuild", "--verify").stdout.splitlines()[-1])["same"] is True
