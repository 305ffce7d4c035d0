"""The audit service as a process, beside sources that are served by this one."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import grpc
import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from ringfence_kernel.rpc.errors import remote_error
from ringfence_kernel.values.ids import new_id, show
from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.processes.ports import free_ports
from ringfence_local_stack.processes.process import Process
from ringfence_local_stack.servers.certificates import CertificateFiles
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.openbao import OpenBaoServer
from ringfence_local_stack.stack.health import is_serving
from ringfence_protos.audit.v1.audit_pb2_grpc import AuditServiceStub
from ringfence_protos.common.v1 import feed_pb2, feed_pb2_grpc
from ringfence_protos.identity.v1 import identity_pb2
from ringfence_verifier import VerifierKey

from .feeds import SourceFeed, accounts_created, kyc_changed, transfers_created

SOURCES = ("identity", "custody", "payment-instruction")


class FeedOf(feed_pb2_grpc.FeedServiceServicer):
    """FeedService over a feed in memory."""

    def __init__(self, feed: SourceFeed) -> None:
        self._feed = feed

    def Read(self, request: feed_pb2.ReadRequest, context: Any) -> feed_pb2.ReadResponse:
        """Answers a page."""
        return self._feed.answer(request)

    def Head(self, request: feed_pb2.HeadRequest, context: Any) -> feed_pb2.HeadResponse:
        """Answers the head."""
        return feed_pb2.HeadResponse(head=self._feed.feed_head())


class KeysOf:
    """The public key of this module's tokens, as identity publishes it."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._public = key.public_key().public_bytes_raw()

    def handler(self) -> grpc.GenericRpcHandler:
        """Gives the one method of TokenService that a verifier of tokens needs."""
        method = grpc.unary_unary_rpc_method_handler(
            self._key_set,
            identity_pb2.GetJwksRequest.FromString,
            identity_pb2.GetJwksResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler("ringfence.identity.v1.TokenService", {"GetJwks": method})

    def _key_set(self, request: identity_pb2.GetJwksRequest, context: Any) -> identity_pb2.GetJwksResponse:
        x = base64.urlsafe_b64encode(self._public).rstrip(b"=").decode()
        key = {"kty": "OKP", "crv": "Ed25519", "kid": "test", "use": "sig", "alg": "EdDSA", "x": x}
        return identity_pb2.GetJwksResponse(jwks_json=json.dumps({"keys": [key]}))


@dataclass
class Reader:
    """Somebody with a client certificate and a token."""

    channel: grpc.Channel
    token: str

    @property
    def stub(self) -> AuditServiceStub:
        """The service's methods."""
        return AuditServiceStub(self.channel)

    def call(self, method: str, request: Any) -> Any:
        """Calls AuditService; raises RemoteError."""
        metadata = (("authorization", f"Bearer {self.token}"),)
        try:
            return getattr(self.stub, method)(request, metadata=metadata, timeout=20)
        except grpc.RpcError as error:
            raise remote_error(cast(grpc.aio.AioRpcError, error)) from None


@dataclass
class AuditProcess:
    """The service with its own database, beside the session's OpenBao."""

    openbao: OpenBaoServer
    database: Database
    folder: Path
    feeds: dict[str, SourceFeed] = field(default_factory=lambda: {name: SourceFeed(name) for name in SOURCES})
    addresses: dict[str, str] = field(default_factory=dict)
    servers: list[grpc.Server] = field(default_factory=list)
    token_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    settings: dict[str, str] = field(default_factory=dict)
    origin: str = field(default_factory=lambda: f"ringfence.test/{new_id().hex()}")
    """Of its own for each log: what was signed is held by origin in the OpenBao that tests share."""
    process: Process | None = None
    probe: CertificateFiles | None = None

    def serve_sources(self) -> None:
        """Serves the three feeds over mutual TLS, with certificates that OpenBao issues."""
        ports = dict(zip([*SOURCES, "audit"], free_ports(4), strict=True))
        self.addresses = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        for name in SOURCES:
            pair = self._source_certificate(name)
            server = grpc.server(ThreadPoolExecutor(4))
            feed_pb2_grpc.add_FeedServiceServicer_to_server(FeedOf(self.feeds[name]), server)
            server.add_generic_rpc_handlers([KeysOf(self.token_key).handler()])
            authority = (self.folder / "workload-ca.pem").read_bytes()
            server.add_secure_port(self.addresses[name], grpc.ssl_server_credentials([pair], authority, True))
            server.start()
            self.servers.append(server)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of the service to its end."""
        command = [sys.executable, "-m", "ringfence_audit", *arguments]
        return subprocess.run(command, env=self._environment(), capture_output=True, text=True, timeout=60, check=False)

    def start(self) -> None:
        """Starts and waits for SERVING."""
        command = [sys.executable, "-m", "ringfence_audit", "serve"]
        log = self.folder / "audit.log"
        self.process = Process("audit", command, log, self._environment(), None, signal.SIGTERM, self.folder)
        self.process.start()
        self.process.wait_until(self.is_serving, 40, poll_seconds=0.1)

    def is_serving(self) -> bool:
        """Tells what its health says."""
        if self.probe is None:
            self.probe = self.openbao.issue_service_certificate("custody", private_folder(self.folder / "probe"))
        ca_file = self.folder / "workload-ca.pem"
        return is_serving(self.addresses["audit"], ca_file, self.probe, "ringfence.audit.v1.AuditService")

    def stop(self) -> None:
        """Stops the service in order, then the sources."""
        if self.process:
            self.process.stop(20)
        for server in self.servers:
            server.stop(None)

    def reader(self, scope: str) -> Reader:
        """Gives a regulator whose token has a scope, bound to a certificate of their own."""
        principal = new_id()
        registered = {"principal": principal, "kind": "REGULATOR", "name": "", "tenant": b"", "public_key": b"k" * 32}
        registered |= {"active": True, "by": principal, "certificate_sha256": b"", "person": b"", "until_ns": 0}
        self.feeds["identity"].add("PrincipalRegistered.v1", registered, principal)
        files = self.openbao.issue_principal_certificate(show(principal), private_folder(self.folder / "readers"))
        key, chain = self._pair(files)
        credentials = grpc.ssl_channel_credentials((self.folder / "workload-ca.pem").read_bytes(), key, chain)
        options = [("grpc.ssl_target_name_override", "localhost"), ("grpc.use_local_subchannel_pool", 1)]
        channel = grpc.secure_channel(self.addresses["audit"], credentials, options=options)
        return Reader(channel, self._token(principal, scope, files))

    def verifier_key(self) -> str:
        """Gives the log's vkey from OpenBao itself, not from the service."""
        keys = self.openbao.admin().read("transit/keys/audit-checkpoint")["data"]["keys"]
        return VerifierKey.of(self.origin, base64.b64decode(keys["1"]["public_key"])).text()

    def _source_certificate(self, name: str) -> tuple[bytes, bytes]:
        """Gives key and certificate of a source's server, which names it as its peers expect."""
        key = ec.generate_private_key(ec.SECP256R1())
        uri = x509.UniformResourceIdentifier(f"spiffe://ringfence.local/service/{name}")
        names = x509.SubjectAlternativeName([uri, x509.DNSName(name)])
        request = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(names, False)
        csr = request.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()
        signed = self.openbao.log_in(name).write(f"pki-workload/sign/{name}", csr=csr)["data"]
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return pem, signed["certificate"].encode()

    def _token(self, principal: bytes, scope: str, files: CertificateFiles) -> str:
        certificate = files.certificate.read_text()
        now = int(time.time())
        claims = {
            "iss": "ringfence-identity", "aud": "ringfence", "sub": show(principal), "jti": show(new_id()),
            "iat": now, "exp": now + 600, "roles": ["regulator"], "scope": scope,
            "cnf": {"x5t#S256": thumbprint(certificate)}, "position": len(self.feeds["identity"].events),
        }  # fmt: skip
        return jwt.encode(claims, self.token_key, algorithm="EdDSA", headers={"kid": "test", "typ": "at+jwt"})

    def _environment(self) -> dict[str, str]:
        peers = {f"RINGFENCE_{name.replace('-', '_').upper()}_ADDRESS": self.addresses[name] for name in SOURCES}
        return peers | {
            "RINGFENCE_SERVICE": "audit",
            "RINGFENCE_LISTEN": self.addresses["audit"],
            "RINGFENCE_LOG_ORIGIN": self.origin,
            **self.database.environment(),
            **self.database.owner_environment(),
            **self.openbao.environment("audit", self.folder),
            # Nobody listens there: the service must do without news.
            "RINGFENCE_NATS_URL": "nats://127.0.0.1:1",
            "RINGFENCE_WORKLOAD_CA_FILE": str(self.folder / "workload-ca.pem"),
            "RINGFENCE_CLIENT_CA_FILE": str(self.folder / "client-ca.pem"),
            "RINGFENCE_TRUST_DOMAIN": "ringfence.local",
            "RINGFENCE_LEAVE_SECONDS": "0",
            **self.settings,
        }

    @staticmethod
    def _pair(files: CertificateFiles) -> tuple[bytes, bytes]:
        return files.key.read_bytes(), files.certificate.read_bytes()


@contextmanager
def serving(openbao: OpenBaoServer, database: Database, folder: Path, **settings: str) -> Iterator[AuditProcess]:
    """Runs the service over sources with a few events."""
    running = AuditProcess(openbao, database, private_folder(folder), settings=settings)
    for mount in ("workload", "client"):
        write_private(running.folder / f"{mount}-ca.pem", openbao.authority_certificate(f"pki-{mount}") + "\n")
    running.serve_sources()
    custody = running.feeds["custody"]
    custody.add("AccountsCreated.v1", accounts_created("alice", "bob", owners=("owner-a", "owner-b")))
    custody.add("TransfersCreated.v1", transfers_created("t0", "t1"))
    running.feeds["identity"].add("KycChanged.v1", kyc_changed("owner-a"))
    migrated = running.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    try:
        running.start()
        yield running
    finally:
        running.stop()


def thumbprint(certificate_pem: str) -> str:
    """Gives the base64url SHA-256 of a certificate (RFC 8705 section 3.1)."""
    digest = x509.load_pem_x509_certificate(certificate_pem.encode()).fingerprint(SHA256())
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
