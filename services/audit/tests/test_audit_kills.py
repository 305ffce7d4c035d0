"""The log under kill -9 while it takes over a busy source: a handful in every run, a hundred by `make kills`."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from ringfence_audit.log.domain.leaf import decode
from ringfence_kernel.rpc.errors import RemoteError
from ringfence_kernel.values.ids import new_id
from ringfence_local_stack.errors import ProcessFailed
from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.openbao import OpenBaoServer
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import verify_checkpoint, verify_log
from ringfence_verifier.proofs import TreeHash

from .feeds import accounts_created, kyc_changed, transfers_created
from .process import AuditProcess, Reader
from .test_audit_service import all_leaves, checkpoint_with

KILLS = int(os.environ.get("RINGFENCE_AUDIT_KILLS", "4"))
SEED = int(os.environ.get("RINGFENCE_CHAOS_SEED", time.time_ns() % 2**31))
PER_EVENT, PAUSE_SECONDS = 40, 0.02
LONGEST_PEACE_SECONDS, LONGEST_START_SECONDS = 2.5, 2.0
DRAINED_SECONDS = 300.0
WHILE_STARTING = 0.3
"""How often the process is killed before it serves."""


@pytest.fixture
def service(
    openbao_server: OpenBaoServer, database: Callable[[str], Database], stack_folder: Path
) -> Iterator[AuditProcess]:
    """The service as a process that saves its state as often as it may."""
    folder = private_folder(stack_folder / f"audit-{new_id().hex()}")
    settings = {"RINGFENCE_SNAPSHOT_DIRECTORY": str(folder / "snapshots"), "RINGFENCE_SNAPSHOT_SECONDS": "0.1"}
    made = AuditProcess(openbao_server, database("audit"), folder, settings=settings)
    for mount in ("workload", "client"):
        write_private(folder / f"{mount}-ca.pem", openbao_server.authority_certificate(f"pki-{mount}") + "\n")
    made.serve_sources()
    assert made.run("migrate").returncode == 0
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def busy(service: AuditProcess) -> Iterator[None]:
    """Has custody and identity go on committing for as long as the block lasts."""
    over = threading.Event()
    custody, identity = service.feeds["custody"], service.feeds["identity"]
    custody.add("AccountsCreated.v1", accounts_created("alice", "bob"))

    def commit() -> None:
        number = 0
        while not over.wait(PAUSE_SECONDS):
            number += 1
            custody.add("TransfersCreated.v1", transfers_created(*(f"{number}-{row}" for row in range(PER_EVENT))))
            identity.add("KycChanged.v1", kyc_changed())

    thread = threading.Thread(target=commit, name="sources")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def strike(service: AuditProcess, chance: random.Random, notes: set[str], reader: Callable[[], Reader]) -> None:
    """Starts the process, lets it be or not, reads a checkpoint if there is one, and kills it."""
    if chance.random() < WHILE_STARTING:
        starting = threading.Thread(target=_try_to_start, args=(service,))
        starting.start()
        time.sleep(chance.uniform(0.2, LONGEST_START_SECONDS))
        if service.process:
            service.process.kill()
        starting.join()
        return
    service.start()
    time.sleep(chance.uniform(0.0, LONGEST_PEACE_SECONDS))
    with suppress(RemoteError):
        notes.add(reader().call("GetCheckpoint", audit_pb2.GetCheckpointRequest()).checkpoint)
    assert service.process is not None
    service.process.kill()


def _try_to_start(service: AuditProcess) -> None:
    with suppress(ProcessFailed):
        service.start()


def test_no_kill_doubles_or_loses_a_leaf_or_has_a_half_written_file_believed(service: AuditProcess) -> None:
    """Every source event has its leaves once, all that was signed is of one log, and nothing differs in a rebuild."""
    print(f"RINGFENCE_CHAOS_SEED={SEED}")
    chance, notes = random.Random(SEED), set[str]()
    with busy(service):
        for _ in range(KILLS):
            strike(service, chance, notes, lambda: service.reader("audit.read"))
        service.start()
    custody, identity = service.feeds["custody"].events, service.feeds["identity"].events
    regulator = service.reader("audit.read")
    checkpoint = checkpoint_with(service, regulator, len(custody), DRAINED_SECONDS)
    leaves = all_leaves(regulator, checkpoint.size)
    heads = {each.source: each.position for each in verify_log(leaves, checkpoint).source_heads}
    assert heads["custody"] == len(custody)
    facts = Counter(
        (fields["source"], fields["position"], fields["ordinal"])
        for _, fields in map(decode, leaves)
        if "ordinal" in fields
    )
    assert set(facts.values()) == {1}
    expected = 2 + PER_EVENT * (len(custody) - 1)
    assert sum(source == "custody" for source, _, _ in facts) == expected
    assert sum(source == "identity" for source, _, _ in facts) == heads["identity"] <= len(identity)
    key = service.verifier_key()
    for note in notes:
        signed, tree = verify_checkpoint(note, key), TreeHash()
        tree.extend(leaves[: signed.size])
        assert (tree.size, tree.root()) == (signed.size, signed.root)
    assert notes
    rebuilt = service.run("rebuild", "--verify")
    assert rebuilt.returncode == 0, rebuilt.stdout
    text = (service.folder / "audit.log").read_text()
    assert '"snapshot_unusable"' not in text
