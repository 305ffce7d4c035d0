"""The audit service as a process beside real PostgreSQL and OpenBao, with mutual TLS all around."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ringfence_audit.books.adapters.books_model import BooksModel
from ringfence_audit.evidence.adapters.proof_model import ProofModel
from ringfence_audit.index.adapters.index_model import IndexModel
from ringfence_kernel.rpc.errors import RemoteError
from ringfence_kernel.values.ids import new_id
from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.servers.certificates import Authority, infrastructure_id
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.openbao import OpenBaoServer
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import (
    Checkpoint,
    Policy,
    verify_consistency,
    verify_log,
    verify_receipt,
    verify_state,
)

from .feeds import BOOK, identifier, transfers_created
from .process import AuditProcess, Reader, serving


@pytest.fixture(scope="module")
def service(
    openbao_server: OpenBaoServer, database: Callable[[str], Database], stack_folder: Path
) -> Iterator[AuditProcess]:
    """A running service with a few events in its sources."""
    with serving(openbao_server, database("audit"), stack_folder / f"audit-{new_id().hex()}") as running:
        yield running


def checkpoint_with(service: AuditProcess, reader: Reader, custody_position: int, seconds: float = 20.0) -> Checkpoint:
    """Waits for a checkpoint that holds custody up to a position."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        try:
            receipt = reader.call("GetCheckpoint", audit_pb2.GetCheckpointRequest()).state_receipt
        except RemoteError as error:
            # Behind a backlog the log does not know its readers yet either.
            if error.reason not in ("CHECKPOINT_PENDING", "GRANT_PENDING"):
                raise
        else:
            checkpoint, state = verify_state(receipt, service.verifier_key())
            heads = {head.source: head.position for head in state.source_heads}
            if heads.get("custody", 0) >= custody_position and "identity" in heads:
                return checkpoint
        time.sleep(0.1)
    raise AssertionError("no checkpoint came")


def all_leaves(reader: Reader, size: int) -> list[bytes]:
    """Lists the log up to a size."""
    leaves: list[bytes] = []
    while len(leaves) < size:
        request = audit_pb2.ListLeavesRequest(from_index=len(leaves), limit=min(10_000, size - len(leaves)))
        leaves += [leaf.content for leaf in reader.call("ListLeaves", request).leaves]
    return leaves


def logged_position(reader: Reader, source: str) -> int:
    """Gives how far the log has taken over a source."""
    compared = reader.call("VerifySources", audit_pb2.VerifySourcesRequest()).sources
    return next(int(each.logged.position) for each in compared if each.logged.source == source)


def eventually(holds: Callable[[], bool]) -> None:
    """Waits up to 20 seconds until something holds."""
    give_up = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.1)


def refusal(call: Callable[[], Any]) -> str:
    """Gives the reason a call was refused for."""
    with pytest.raises(RemoteError) as refused:
        call()
    return refused.value.reason


def test_a_regulator_finds_a_payment_and_proves_it_offline(service: AuditProcess) -> None:
    """From search to receipt to whole log, with the public key from OpenBao and nothing else trusted."""
    regulator = service.reader("audit.read")
    checkpoint = checkpoint_with(service, regulator, 2)
    found = regulator.call("Search", audit_pb2.SearchRequest(subject_id=identifier("t1"))).leaves
    reply = regulator.call("GetReceipt", audit_pb2.GetReceiptRequest(leaf_index=found[0].index))
    assert verify_receipt(reply.proof, service.verifier_key()).leaf == found[0].content
    summary = verify_log(all_leaves(regulator, checkpoint.size), checkpoint)
    assert summary.leaves_by_kind["custody.transfer.v1"] == 2
    compared = regulator.call("VerifySources", audit_pb2.VerifySourcesRequest(recompute=True)).sources
    assert [each.finding for each in compared] == [audit_pb2.SOURCE_FINDING_AGREES] * 3


def test_a_token_without_the_scope_reads_nothing(service: AuditProcess) -> None:
    """A platform's token is refused by every method, whatever it asks."""
    platform = service.reader("payments.read")
    for method, request in [
        ("GetCheckpoint", audit_pb2.GetCheckpointRequest()),
        ("Search", audit_pb2.SearchRequest(tenant_id=BOOK)),
        ("ListLeaves", audit_pb2.ListLeavesRequest()),
    ]:
        with pytest.raises(RemoteError) as refused:
            platform.call(method, request)
        assert refused.value.code == "PERMISSION_DENIED"


def test_the_log_outlives_its_process(service: AuditProcess) -> None:
    """Killed with -9 and started again, it goes on with the same log and misses nothing."""
    regulator = service.reader("audit.read")
    before = checkpoint_with(service, regulator, len(service.feeds["custody"].events))
    assert service.process is not None
    service.process.kill()
    service.feeds["custody"].add("TransfersCreated.v1", transfers_created("while-dead"))
    service.start()
    after = checkpoint_with(service, regulator, len(service.feeds["custody"].events))
    request = audit_pb2.GetConsistencyProofRequest(from_size=before.size, to_size=after.size)
    proof = list(regulator.call("GetConsistencyProof", request).path)
    verify_consistency(before.size, before.root, after.size, after.root, proof)
    assert regulator.call("Search", audit_pb2.SearchRequest(subject_id=identifier("while-dead"))).leaves


def test_sealed_keys_hold_checkpoints_back_and_nothing_else(service: AuditProcess) -> None:
    """While OpenBao is sealed leaves go on, health says so and receipts are pending; after unsealing all is signed."""
    regulator, custody = service.reader("audit.read"), service.feeds["custody"]
    before = checkpoint_with(service, regulator, len(custody.events))
    service.openbao.seal()
    try:
        custody.add("TransfersCreated.v1", transfers_created("while-sealed"))
        eventually(lambda: logged_position(regulator, "custody") == len(custody.events))
        pending = audit_pb2.GetReceiptRequest(leaf_index=before.size + 2)
        assert refusal(lambda: regulator.call("GetReceipt", pending)) == "CHECKPOINT_PENDING"
        eventually(lambda: not service.is_serving())
    finally:
        service.openbao.unseal()
    checkpoint = checkpoint_with(service, regulator, len(custody.events))
    verify_log(all_leaves(regulator, checkpoint.size), checkpoint)
    eventually(service.is_serving)


def test_reads_are_taken_into_the_tables_together(service: AuditProcess) -> None:
    """Index and proof write what a second of reads brings at once, not a page each beside the next call."""
    regulator, shown = service.reader("audit.read"), set[tuple[str, int]]()
    checkpoint_with(service, regulator, 0)
    query = b"SELECT name, position FROM cursors WHERE name IN ('projection:index', 'projection:evidence')"
    with psycopg.connect(service.database.owner_conninfo, autocommit=True) as connection:
        for _ in range(60):
            regulator.call("GetReceipt", audit_pb2.GetReceiptRequest(leaf_index=0))
            time.sleep(0.03)
            shown.update(connection.execute(query).fetchall())
        newest = max(position for _, position in shown)

        def is_shown() -> bool:
            return all(position > newest for _, position in connection.execute(query).fetchall())

        assert 2 < len(shown) < 30
        eventually(is_shown)


def test_a_witness_cosigns_what_is_published(service: AuditProcess) -> None:
    """By settings alone: `ringfence-witness` serves TLS, the log's policy names it, and readers hold the log to it."""
    assert service.process is not None
    folder, key, name = service.folder / "witness", service.verifier_key(), "witness.example/w"
    command = [Path(sys.executable).with_name("ringfence-witness")]
    made = subprocess.run([*command, "init", folder, "--name", name], capture_output=True, text=True, check=True)
    authority = Authority("Ringfence test witness")
    tls = authority.issue(infrastructure_id("witness"), private_folder(service.folder / "witness-tls"), "localhost")
    serve = ["serve", folder, "--log", key, "--listen", "127.0.0.1:0"]
    serve += ["--certificate", tls.certificate, "--certificate-key", tls.key]
    with subprocess.Popen([*command, *serve], stdout=subprocess.PIPE, text=True) as witness:
        assert witness.stdout is not None
        port = int(witness.stdout.readline().split(":")[1].split()[0])
        policy = f"log {key}\nwitness w {made.stdout.splitlines()[1]} https://localhost:{port}\nquorum w\n"
        service.settings["RINGFENCE_WITNESS_POLICY"] = policy
        trusted = write_private(service.folder / "witness-ca.pem", authority.certificate)
        service.settings["RINGFENCE_WITNESS_CACERT"] = str(trusted)
        service.process.stop(20)
        service.start()
        try:
            custody, regulator = service.feeds["custody"], service.reader("audit.read")
            custody.add("TransfersCreated.v1", transfers_created("witnessed"))
            checkpoint_with(service, regulator, len(custody.events))
            published = regulator.call("GetCheckpoint", audit_pb2.GetCheckpointRequest()).checkpoint
            assert set(Policy.parse(policy.encode()).verify(published)[1]) == {b"w"}
        finally:
            service.settings.clear()
            witness.terminate()
            service.process.stop(20)
            service.start()


def test_commands_of_its_own_say_what_they_have_done(service: AuditProcess, tmp_path: Path) -> None:
    """A log that states what it knows has nothing to carry over, and one that has begun takes nobody's place."""
    checkpoint_with(service, service.reader("audit.read"), len(service.feeds["custody"].events))
    done = service.run("carry-over")
    assert json.loads(done.stdout) == {"service": "audit", "carried_over": False}
    (tmp_path / "note").write_text("no checkpoint")
    for file, said in ((tmp_path / "note", "no checkpoint"), (tmp_path / "nothing", "No such file")):
        done = service.run("begin-successor", "--checkpoint", str(file), "--key", service.verifier_key())
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_a_policy_that_is_none_stops_the_start(service: AuditProcess) -> None:
    """It names the setting and the line."""
    service.settings["RINGFENCE_WITNESS_POLICY"] = "quorum nobody\n"
    try:
        done = service.run("serve")
    finally:
        service.settings.clear()
    assert done.returncode == 2
    assert "RINGFENCE_WITNESS_POLICY is not a witness policy (line 1: nobody stands for nothing yet)" in done.stderr


def test_rebuild_verify_compares_everything(service: AuditProcess) -> None:
    """The command line rebuilds the log of the running service from events alone and finds no difference."""
    checkpoint_with(service, service.reader("audit.read"), len(service.feeds["custody"].events))
    rebuilt = service.run("rebuild", "--verify")
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    outcome = json.loads(rebuilt.stdout.splitlines()[-1])
    assert outcome["same"] is True
    assert set(outcome["differences"]) == {
        "chain",
        "tree",
        "state",
        "tiles",
        "leaf_pages",
        "bundles",
        *IndexModel.tables,
        *ProofModel.tables,
        *BooksModel.tables,
    }


def test_an_unknown_event_is_an_alarm_and_halts_its_source_alone(service: AuditProcess) -> None:
    """Health stops serving with the reason in the log, while other sources are taken over and signed for."""
    regulator, custody = service.reader("audit.read"), service.feeds["custody"]
    service.feeds["payment-instruction"].add("Unheard.v1", {"tenant": BOOK})
    eventually(lambda: not service.is_serving())
    halted = [line for line in (service.folder / "audit.log").read_text().splitlines() if "feed_event_unknown" in line]
    [line] = map(json.loads, halted)
    assert (line["level"], line["source"], line["position"]) == ("critical", "payment-instruction", 0)
    assert "Unheard.v1" in line["detail"]
    custody.add("TransfersCreated.v1", transfers_created("beside-a-halt"))
    checkpoint_with(service, regulator, len(custody.events))
    assert logged_position(regulator, "payment-instruction") == 0
