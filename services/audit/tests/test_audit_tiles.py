"""The log as tiles over HTTPS (C2SP tlog-tiles), of the service as a process: what anybody sees, and who may copy."""

from __future__ import annotations

import gzip
import http.client
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from ringfence_audit.log.domain.leaf import unpack
from ringfence_audit.log.domain.merkle import EMPTY_ROOT, TileName, TileTree, leaf_hashes
from ringfence_kernel.rpc.errors import RemoteError
from ringfence_kernel.values.ids import new_id, show
from ringfence_local_stack.processes.files import private_folder
from ringfence_local_stack.processes.ports import free_ports
from ringfence_local_stack.servers.certificates import CertificateFiles
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.openbao import OpenBaoServer
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import Checkpoint, CosignerKey, cosigners, verify_checkpoint, verify_log
from ringfence_verifier.leaf import read_leaf

from .feeds import identifier, transfers_created
from .process import AuditProcess, Reader, serving

OPERATOR = identifier("operator")


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass
class Tiles:
    """The log's tiles as somebody reads them."""

    service: AuditProcess
    port: int
    regulator: Reader

    def get(self, path: str, files: CertificateFiles | None = None, method: str = "GET", **headers: str) -> Answer:
        """Asks on a connection of its own."""
        context = ssl.create_default_context(cafile=str(self.service.folder / "workload-ca.pem"))
        if files is not None:
            context.load_cert_chain(files.certificate, files.key)
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=20, context=context)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def checkpoint(self) -> Checkpoint:
        """Reads the published checkpoint, by the key that OpenBao has."""
        return verify_checkpoint(self.get("/checkpoint").body.decode(), self.service.verifier_key())

    def settled(self) -> Checkpoint:
        """Waits until everything that the sources have is published."""
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            try:
                published = self.regulator.call("GetCheckpoint", audit_pb2.GetCheckpointRequest())
            except RemoteError:  # before the first
                time.sleep(0.1)
                continue
            heads = {head.source: head.position for head in published.source_heads}
            if all(heads.get(name, 0) == len(feed.events) for name, feed in self.service.feeds.items()):
                assert self.get("/checkpoint").body.decode() == published.checkpoint
                return self.checkpoint()
            time.sleep(0.1)
        raise AssertionError("the log does not come to where its sources are")

    def still(self) -> Checkpoint:
        """Gives the checkpoint after as long as a next one would take."""
        time.sleep(2)
        return self.checkpoint()

    def somebody(self, kind: str, *, is_pinned: bool = True) -> CertificateFiles:
        """Gives the certificate of a principal that identity has registered, and that the log has heard of."""
        principal = new_id()
        folder = private_folder(self.service.folder / "copyists")
        files = self.service.openbao.issue_principal_certificate(show(principal), folder)
        shown = x509.load_pem_x509_certificate(files.certificate.read_bytes()).fingerprint(SHA256())
        fields = {
            "principal": principal,
            "kind": kind,
            "name": "somebody",
            "tenant": principal if kind == "PLATFORM" else b"",
            "public_key": b"k" * 32,
            "certificate_sha256": shown if is_pinned else b"another certificate's fingerprint"[:32],
            "active": True,
            "by": OPERATOR,
        }
        self.service.feeds["identity"].add("PrincipalRegistered.v1", fields, principal)
        self.settled()
        return files

    def suspend(self, files: CertificateFiles) -> None:
        """Has an operator stop whoever has a certificate."""
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
        principal = bytes.fromhex(uri.rpartition("/")[2].replace("-", ""))
        fields = {"principal": principal, "note": "left", "by": OPERATOR}
        self.service.feeds["identity"].add("PrincipalSuspended.v1", fields, principal)
        self.settled()


@pytest.fixture(scope="module")
def tiles(openbao_server: OpenBaoServer, database: Callable[[str], Database], stack_folder: Path) -> Iterator[Tiles]:
    """A running service whose log has more than a full tile."""
    (port,) = free_ports(1)
    folder = stack_folder / f"audit-{new_id().hex()}"
    with serving(openbao_server, database("audit"), folder, RINGFENCE_TILES_LISTEN=f"127.0.0.1:{port}") as running:
        for page in range(3):
            names = [f"t{page}-{row}" for row in range(200)]
            running.feeds["custody"].add("TransfersCreated.v1", transfers_created(*names))
        reading = Tiles(running, port, running.reader("audit.read"))
        assert reading.settled().size > 600
        yield reading


def path_of(kind: str, index: int, width: int) -> str:
    """Spells the path of one of the first thousand tiles of a level."""
    return f"/tile/{kind}/{index:03d}" + (f".p/{width}" if width < 256 else "")


def widths(size: int) -> list[int]:
    """Gives how wide the tiles of a level are that has so many hashes."""
    return [256] * (size // 256) + ([size % 256] if size % 256 else [])


def test_anybody_computes_the_root_from_tiles(tiles: Tiles) -> None:
    """Without a certificate: tiles of every level lead to the root that the checkpoint states."""
    checkpoint = tiles.checkpoint()

    def read(level: int, index: int) -> bytes:
        answer = tiles.get(path_of(str(level), index, widths(checkpoint.size >> 8 * level)[index]))
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/octet-stream")
        return answer.body

    def read_together(names: Collection[TileName]) -> dict[TileName, bytes]:
        return {name: read(*name) for name in names}

    assert TileTree(read_together).root(checkpoint.size) == checkpoint.root != EMPTY_ROOT


def test_answers_say_how_long_they_hold(tiles: Tiles) -> None:
    """A checkpoint for a second, a full tile for ever, what is not there not at all."""
    checkpoint, full = tiles.get("/checkpoint"), tiles.get("/tile/0/000")
    assert checkpoint.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert checkpoint.headers["Cache-Control"] == "public, max-age=1"
    assert full.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert tiles.get("/tile/1/000.p/2").headers["Cache-Control"] == "public, max-age=3600"
    assert tiles.get("/tile/0/999").headers["Cache-Control"] == "no-store"
    head = tiles.get("/tile/0/000", method="HEAD")
    assert (head.status, head.headers["Content-Length"], head.body) == (200, "8192", b"")


def test_what_the_checkpoint_does_not_cover_is_not_there(tiles: Tiles) -> None:
    """Nor an empty tile, nor another spelling, nor anything that only changes."""
    size = tiles.checkpoint().size
    index, width = divmod(size, 256)
    assert tiles.get(path_of("0", index, width)).status == 200
    outside = [path_of("0", index, width + 1), path_of("0", index, 256), "/tile/1/000", "/tile/2/000.p/1"]
    for path in [*outside, "/tile/0/0", "/tile/0/000.p/256", "/", "/tile/0/..%2f000", "/checkpoint/", "/metrics"]:
        assert tiles.get(path).status == 404, path
    assert tiles.get("/checkpoint", method="POST").status == 405
    assert tiles.get("/checkpoint", method="DELETE").status == 405


def test_polling_leaves_the_log_as_it_is(tiles: Tiles) -> None:
    """Checkpoints and tiles are asked for a hundred times: the log has not grown by a leaf."""
    before = tiles.settled()
    for _ in range(50):
        assert tiles.get("/checkpoint").status == 200
        assert tiles.get("/tile/0/000").status == 200
    assert tiles.still() == before


@pytest.mark.parametrize("kind", ["MIRROR", "AUDITOR"])
def test_who_may_copies_the_whole_log(tiles: Tiles, kind: str) -> None:
    """Each bundle hashes to its tile; the reads stand in the log before anything leaves, and call for no checkpoint."""
    somebody = tiles.somebody(kind)
    checkpoint, leaves = tiles.checkpoint(), list[bytes]()
    for index, width in enumerate(widths(checkpoint.size)):
        answer = tiles.get(path_of("entries", index, width), somebody)
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        bundle = list(unpack(answer.body))
        assert leaf_hashes(bundle) == tiles.get(path_of("0", index, width)).body
        leaves += bundle
    assert verify_log(leaves, checkpoint).size == checkpoint.size
    assert tiles.still() == checkpoint
    tiles.service.feeds["custody"].add("TransfersCreated.v1", transfers_created(f"after-{kind}"))
    grown = tiles.settled()
    more = grown.size - checkpoint.size
    index, width = divmod(grown.size, 256)
    rest = list(unpack(tiles.get(path_of("entries", index, width), somebody).body))
    reads = [read_leaf(leaf) for leaf in rest if b"audit.read.v1" in leaf[:20]]
    assert len(widths(checkpoint.size)) + 2 <= more
    assert {read.text("method") for read in reads} == {"ReadEntries"}
    assert {(read.integer("query_from_index"), read.integer("query_limit")) for read in reads} >= {(0, 256)}


def test_bundles_are_packed_for_who_can_unpack_them(tiles: Tiles) -> None:
    """The same bytes, a fraction of the way."""
    somebody = tiles.somebody("MIRROR")
    plain = tiles.get("/tile/entries/001", somebody)
    packed = tiles.get("/tile/entries/001", somebody, **{"Accept-Encoding": "br, gzip, identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 2


def test_nobody_else_copies(tiles: Tiles) -> None:
    """No certificate, a service's, a platform's, one that is not pinned: refused by name, and nothing is logged."""
    platform, operator = tiles.somebody("PLATFORM"), tiles.somebody("OPERATOR")
    stranger = tiles.somebody("MIRROR", is_pinned=False)
    before = tiles.settled()
    for files, status, said in (
        (None, 401, b"CERTIFICATE_REQUIRED\n"),
        (platform, 403, b"ENTRIES_NOT_OPEN\n"),
        (operator, 403, b"ENTRIES_NOT_OPEN\n"),
        (stranger, 403, b"ENTRIES_NOT_OPEN\n"),
    ):
        for path in ("/tile/entries/000", "/tile/entries/999"):
            answer = tiles.get(path, files)
            assert (answer.status, answer.body, answer.headers["Cache-Control"]) == (status, said, "no-store")
    workload = tiles.service.openbao.issue_service_certificate("custody", private_folder(tiles.service.folder / "w"))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        tiles.get("/tile/entries/000", workload)
    assert tiles.still() == before


def test_who_is_suspended_copies_nothing_any_more(tiles: Tiles) -> None:
    """Whatever its certificate says; what is public it may still see."""
    mirror = tiles.somebody("MIRROR")
    assert tiles.get("/tile/entries/000", mirror).status == 200
    tiles.suspend(mirror)
    refused = tiles.get("/tile/entries/000", mirror)
    assert (refused.status, refused.body) == (403, b"PRINCIPAL_SUSPENDED\n")
    assert tiles.get("/tile/0/000", mirror).status == 200


def test_a_mirror_follows_the_service(tiles: Tiles) -> None:
    """`ringfence-mirror`, by its certificate: it holds the log as published, and does not chase its own reads."""
    files, key = tiles.somebody("MIRROR"), tiles.service.verifier_key()
    folder, program = tiles.service.folder / "mirror", Path(sys.executable).with_name("ringfence-mirror")
    made = subprocess.run(
        [program, "init", folder, "--name", "mirror.example/m"], capture_output=True, text=True, check=True
    )
    cosigner = CosignerKey.parse(made.stdout.splitlines()[0])
    command = [program, "serve", folder, "--log", key, "--from", f"https://localhost:{tiles.port}", "--every", "0.2"]
    command += ["--authority", tiles.service.folder / "workload-ca.pem", "--listen", "127.0.0.1:0"]
    command += ["--client-certificate", files.certificate, "--client-key", files.key]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as mirror:
        assert mirror.stdout is not None
        port = int(mirror.stdout.readline().rsplit(":", 1)[1].split()[0])

        def held() -> Checkpoint:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", f"/{sha256(tiles.service.origin.encode()).hexdigest()}/checkpoint")
            note = connection.getresponse().read().decode()
            connection.close()
            checkpoint = verify_checkpoint(note, key)
            assert cosigner in cosigners(note, checkpoint, (cosigner,))
            return checkpoint

        for news in ("mirrored-1", "mirrored-2"):
            tiles.service.feeds["custody"].add("TransfersCreated.v1", transfers_created(news))
            published, give_up = tiles.settled(), time.monotonic() + 30
            while held() != published:
                assert time.monotonic() < give_up
                time.sleep(0.1)
            assert tiles.still() == published
        mirror.terminate()
        assert mirror.wait(10) == 0
        assert mirror.stderr is not None
        assert mirror.stderr.read() == ""
