"""A client of fake services on one port."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ringfence import Addresses, Client, Credentials, Patience, new_id
from ringfence_protos.audit.v1 import audit_pb2_grpc
from ringfence_protos.common.v1 import proposals_pb2_grpc
from ringfence_protos.custody.v1 import custody_pb2_grpc
from ringfence_protos.identity.v1 import identity_pb2_grpc
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2_grpc

from .authority import TestAuthority
from .services import Instructions, Ledger, Log, Tokens, Waiting


@dataclass
class Fakes:
    """The fake services, and a client of them."""

    tokens: Tokens = field(default_factory=Tokens)
    ledger: Ledger = field(default_factory=Ledger)
    instructions: Instructions = field(default_factory=Instructions)
    log: Log = field(default_factory=Log)
    waiting: Waiting = field(default_factory=Waiting)
    addresses: Addresses = field(init=False)
    client: Client = field(init=False)


@pytest.fixture(scope="session")
def authority() -> TestAuthority:
    """One authority for servers and clients."""
    return TestAuthority()


@pytest.fixture
def fakes(authority: TestAuthority) -> Iterator[Fakes]:
    """Fake services on a port of their own, with a client that waits a second at most."""
    fakes = Fakes()
    server = grpc.server(ThreadPoolExecutor(4))
    identity_pb2_grpc.add_TokenServiceServicer_to_server(fakes.tokens, server)
    custody_pb2_grpc.add_CustodyServiceServicer_to_server(fakes.ledger, server)
    payment_instruction_pb2_grpc.add_PaymentInstructionServiceServicer_to_server(fakes.instructions, server)
    proposals_pb2_grpc.add_ProposalServiceServicer_to_server(fakes.waiting, server)
    audit_pb2_grpc.add_AuditServiceServicer_to_server(fakes.log, server)
    tls = grpc.ssl_server_credentials([authority.server()], authority.pem, require_client_auth=True)
    address = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', tls)}"
    server.start()
    fakes.addresses = Addresses(identity=address, custody=address, payment_instruction=address, audit=address)
    patience = Patience(call_seconds=5, retry_seconds=1, first_pause_seconds=0.01)
    fakes.client = Client(fakes.addresses, credentials_of(authority), patience)
    yield fakes
    fakes.client.close()
    server.stop(None).wait()


@pytest.fixture
def directory(tmp_path: Path, authority: TestAuthority) -> Path:
    """A complete credentials directory."""
    principal, signing_key = new_id(), Ed25519PrivateKey.generate()
    key, certificate = authority.client(f"spiffe://ringfence.local/principal/{principal}")
    signing_pem = signing_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for name, content in (("s.key", signing_pem), ("c.key", key), ("c.pem", certificate), ("ca.pem", authority.pem)):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    fields = {
        "principal_id": str(principal),
        "tenant_id": None,
        "signing_key_file": "s.key",
        "certificate_file": "c.pem",
        "certificate_key_file": "c.key",
        "server_ca_file": "ca.pem",
    }
    (tmp_path / "credentials.json").write_text(json.dumps(fields))
    return tmp_path


def credentials_of(authority: TestAuthority) -> Credentials:
    """Credentials of a new principal."""
    principal = new_id()
    key, certificate = authority.client(f"spiffe://ringfence.local/principal/{principal}")
    return Credentials(
        principal_id=principal,
        tenant_id=principal,
        signing_key=Ed25519PrivateKey.generate(),
        certificate_chain_pem=certificate,
        certificate_key_pem=key,
        server_ca_pem=authority.pem,
    )
