"""Who vouches for what the rail brings: the bank's own principal, with its credentials at hand.

Money enters only on a bank's word. A notification that lies in the inbox is handed in under the bank feed principal
whose credentials directory the settings name: the format is the one that `ringfence keys` writes.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.peer_certificates import thumbprint
from ringfence_kernel.certificates.bundle import CertificateBundle, FixedCertificate
from ringfence_kernel.certificates.trust import TrustBundle
from ringfence_kernel.rpc.client import Peer, PeerOptions
from ringfence_kernel.rpc.errors import RemoteError
from ringfence_kernel.telemetry.tracing import Telemetry
from ringfence_kernel.values.clock import NANOSECONDS, Clock
from ringfence_kernel.values.ids import ZERO_ID, new_id, parse, show
from ringfence_protos.identity.v1 import identity_pb2 as pb
from ringfence_protos.identity.v1.identity_pb2_grpc import TokenServiceStub

from ringfence_payment_instruction.submissions.domain.errors import AuthorisationRefused, IdentityUnavailable

FILE_NAME = "credentials.json"
ASSERTION_AUDIENCE = "ringfence-identity"
ASSERTION_SECONDS = 120
# A token is not used in the last moments of its life, lest it end on the way.
MARGIN_NS = 30 * NANOSECONDS


@dataclass(frozen=True, slots=True)
class RailCredentials:
    """A principal's id, signing key and client certificate, and the issuer of identity's certificate; all PEM."""

    principal: bytes
    signing_key: Any
    certificate: CertificateBundle
    server_ca: bytes

    @classmethod
    def load(cls, directory: Path) -> RailCredentials:
        """Reads a credentials directory; raises OSError, ValueError, KeyError."""
        fields = json.loads((directory / FILE_NAME).read_bytes())
        chain = (directory / fields["certificate_file"]).read_bytes()
        return cls(
            principal=parse(fields["principal_id"]),
            signing_key=load_pem_private_key((directory / fields["signing_key_file"]).read_bytes(), password=None),
            certificate=CertificateBundle(
                (directory / fields["certificate_key_file"]).read_bytes(), chain, _not_after_ns(chain)
            ),
            server_ca=(directory / fields["server_ca_file"]).read_bytes(),
        )

    @property
    def certificate_thumbprint(self) -> str:
        """The client certificate's thumbprint, as a caller's."""
        return thumbprint(x509.load_pem_x509_certificate(self.certificate.certificate_chain_pem))

    def assertion(self) -> str:
        """Returns a client assertion (RFC 7523 section 3), good for one call."""
        now, principal = int(time.time()), show(self.principal)
        claims = {
            "iss": principal,
            "sub": principal,
            "aud": ASSERTION_AUDIENCE,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": show(new_id()),
        }
        return jwt.encode(claims, self.signing_key, algorithm="EdDSA")


def _not_after_ns(chain: bytes) -> int:
    return int(x509.load_pem_x509_certificate(chain).not_valid_after_utc.timestamp()) * NANOSECONDS


class RailPrincipal:
    """Gives the bank's principal as a caller, with an access token that is fetched when the last one ends.

    The directory is read each time, so that renewed certificates and keys need no restart.
    """

    def __init__(self, directory: Path | None, addresses: tuple[str, ...], telemetry: Telemetry, clock: Clock) -> None:
        """Without a directory nobody vouches, and money in the inbox waits for the bank to hand it in itself."""
        self._directory, self._addresses, self._telemetry, self._clock = directory, addresses, telemetry, clock
        self._held: tuple[int, Caller] = (0, Caller("", None, ZERO_ID, ""))

    async def caller(self) -> Caller:
        """Returns the bank's principal; raises AuthorisationRefused where there is none, IdentityUnavailable."""
        until_ns, held = self._held
        if self._clock.now_ns() < until_ns:
            return held
        if self._directory is None:
            raise AuthorisationRefused("the rail has no principal")
        try:
            credentials = await asyncio.to_thread(RailCredentials.load, self._directory)
        except (OSError, ValueError, KeyError) as error:
            raise AuthorisationRefused("the rail's credentials cannot be read") from error
        reply = await self._issue(credentials)
        made = Caller("", None, credentials.principal, credentials.certificate_thumbprint, token=reply.access_token)
        self._held = self._clock.now_ns() + reply.expires_in_seconds * NANOSECONDS - MARGIN_NS, made
        return made

    async def _issue(self, credentials: RailCredentials) -> pb.IssueTokenResponse:
        trust = TrustBundle(credentials.server_ca)
        options = PeerOptions(service="identity", addresses=self._addresses, workload_ca=trust)
        peer = Peer(options, FixedCertificate(credentials.certificate), self._telemetry)
        request = pb.IssueTokenRequest(client_assertion=credentials.assertion())
        try:
            reply: pb.IssueTokenResponse = await peer.call(TokenServiceStub, "IssueToken", request)
        except RemoteError as error:
            denied = error.code in ("UNAUTHENTICATED", "PERMISSION_DENIED")
            raise (AuthorisationRefused if denied else IdentityUnavailable)() from error
        finally:
            await peer.close()
        return reply
