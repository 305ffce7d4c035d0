"""The service as processes: its database is lost, it refuses to sign, a mirror puts it back, and it goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from ringfence_kernel.values.ids import new_id, show
from ringfence_local_stack.processes.files import private_folder
from ringfence_local_stack.processes.ports import free_ports
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.openbao import OpenBaoServer
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import verify_consistency, verify_receipt
from ringfence_verifier.mirror.pulling import Following, Source, SourceAway

from .feeds import identifier, transfers_created
from .process import AuditProcess, serving
from .test_audit_refill import Holding, held
from .test_audit_service import checkpoint_with, logged_position


def replace_database(service: AuditProcess, fresh: Database) -> None:
    """Stops the service, and gives it an empty database."""
    assert service.process is not None
    service.process.stop(20)
    service.database = fresh
    assert service.run("migrate").returncode == 0


def mirrored(service: AuditProcess, port: int, holding: Holding) -> int:
    """Has a mirror take what the service has published, under a principal's own certificate; gives the size."""
    principal = new_id()
    folder = private_folder(service.folder / "mirrors")
    files = service.openbao.issue_principal_certificate(show(principal), folder)
    shown = x509.load_pem_x509_certificate(files.certificate.read_bytes()).fingerprint(SHA256())
    fields = {
        "principal": principal, "kind": "MIRROR", "name": "a mirror", "tenant": b"", "public_key": b"k" * 32,
        "certificate_sha256": shown, "active": True, "by": identifier("operator"),
    }  # fmt: skip
    service.feeds["identity"].add("PrincipalRegistered.v1", fields, principal)
    authority = service.folder / "workload-ca.pem"
    source = Source(f"https://localhost:{port}", authority, files.certificate, files.key)
    give_up = time.monotonic() + 30
    while True:
        try:
            return Following(holding.copy, source, holding.folder).step()
        except SourceAway:  # identity's event is not in the log yet
            assert time.monotonic() < give_up
            time.sleep(0.2)


def test_a_lost_database_is_put_back_from_a_mirror(
    openbao_server: OpenBaoServer, database: Callable[[str], Database], stack_folder: Path, tmp_path: Path
) -> None:
    """Nothing is signed before, nothing is lost after: old receipts hold, and the log goes on under its origin."""
    (port,) = free_ports(1)
    folder = stack_folder / f"audit-{new_id().hex()}"
    with (
        serving(openbao_server, database("audit"), folder, RINGFENCE_TILES_LISTEN=f"127.0.0.1:{port}") as service,
        held(tmp_path / "m", service.verifier_key()) as holding,
    ):
        regulator, key = service.reader("audit.read"), service.verifier_key()
        checkpoint_with(service, regulator, 2)
        found = regulator.call("Search", audit_pb2.SearchRequest(subject_id=identifier("t1"))).leaves[0]
        receipt = regulator.call("GetReceipt", audit_pb2.GetReceiptRequest(leaf_index=found.index)).proof
        mirrored(service, port, holding)
        service.feeds["custody"].add("TransfersCreated.v1", transfers_created("published-last"))
        signed = checkpoint_with(service, regulator, 3)
        assert mirrored(service, port, holding) >= signed.size

        replace_database(service, database("audit"))
        service.start()
        give_up = time.monotonic() + 30
        while "log_rolled_back" not in (service.folder / "audit.log").read_text():
            assert time.monotonic() < give_up
            time.sleep(0.1)

        replace_database(service, database("audit"))
        asked = holding.mirror
        command = ["refill", "--mirror", asked.url, "--key", key, "--authority", str(asked.authority)]
        command += ["--certificate", str(asked.certificate), "--certificate-key", str(asked.key)]
        done = service.run(*command)
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert said["size"] >= signed.size
        service.start()
        service.feeds["custody"].add("TransfersCreated.v1", transfers_created("after-the-way-back"))
        newest = checkpoint_with(service, regulator, 4)
        request = audit_pb2.GetConsistencyProofRequest(from_size=signed.size, to_size=newest.size)
        proof = list(regulator.call("GetConsistencyProof", request).path)
        verify_consistency(signed.size, signed.root, newest.size, newest.root, proof)
        assert verify_receipt(receipt, key).leaf == found.content
        assert logged_position(regulator, "custody") == 4
        assert regulator.call("Search", audit_pb2.SearchRequest(subject_id=identifier("t1"))).leaves[0] == found
        rebuilt = service.run("rebuild", "--verify")
        assert json.loads(rebuilt.stdout.splitlines()[-1])["same"] is True, rebuilt.stdout
