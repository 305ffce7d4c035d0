"""A principal, or a workload, as it calls the running service."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ringfence_kernel.rpc.errors import remote_error
from ringfence_kernel.values.ids import new_id, show
from ringfence_local_stack.servers.certificates import CertificateFiles
from ringfence_protos.common.v1 import proposals_pb2, proposals_pb2_grpc
from ringfence_protos.identity.v1 import identity_pb2 as pb
from ringfence_protos.identity.v1 import identity_pb2_grpc as rpc


@dataclass
class Client:
    """A principal (or a workload) with its certificate, its signing key and a connection."""

    id: bytes
    key: Ed25519PrivateKey
    certificate: CertificateFiles
    channel: grpc.Channel
    access_token: str = ""

    @property
    def public_key(self) -> bytes:
        """The raw public key of its assertions."""
        return self.key.public_key().public_bytes_raw()

    @property
    def certificate_sha256(self) -> bytes:
        """By what identity knows its certificate."""
        certificate = x509.load_pem_x509_certificate(self.certificate.certificate.read_bytes())
        return certificate.fingerprint(hashes.SHA256())

    def assertion(self, **changes: object) -> str:
        """Signs a client assertion; None removes a claim."""
        now = int(time.time())
        made: dict[str, object] = {
            "iss": show(self.id),
            "sub": show(self.id),
            "aud": "ringfence-identity",
            "iat": now,
            "exp": now + 120,
            "jti": show(new_id()),
        }
        claims = {name: value for name, value in {**made, **changes}.items() if value is not None}
        return jwt.encode(claims, self.key, algorithm="EdDSA")

    def issue(self, assertion: str = "", scopes: Sequence[str] = ()) -> pb.IssueTokenResponse:
        """Asks for an access token."""
        request = pb.IssueTokenRequest(client_assertion=assertion or self.assertion(), scopes=scopes)
        reply: pb.IssueTokenResponse = self.call(rpc.TokenServiceStub, "IssueToken", request, token="")
        return reply

    def call(self, stub: Any, method: str, request: Any, *, token: str | None = None) -> Any:
        """Calls a method with its access token, another's, or (empty) none; raises RemoteError."""
        if token is None:
            self.access_token = self.access_token or self.issue().access_token
            token = self.access_token
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        try:
            return getattr(stub(self.channel), method)(request, metadata=metadata, timeout=20)
        except grpc.RpcError as error:
            raise remote_error(error) from None

    def waiting(self) -> list[proposals_pb2.Proposal]:
        """Returns the first proposals that are shown to it."""
        request = proposals_pb2.ListProposalsRequest(page_size=100)
        return list(self.call(proposals_pb2_grpc.ProposalServiceStub, "ListProposals", request).proposals)

    def reasons(self, stub: Any, method: str, request: Any) -> list[str]:
        """Calls a batch method and returns its reasons."""
        return [result.reason for result in self.call(stub, method, request).results]
