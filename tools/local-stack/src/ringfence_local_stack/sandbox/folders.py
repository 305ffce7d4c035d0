"""Credentials directories of sandbox principals: keys made here, certificates from the stack's client authority."""

import base64
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ringfence.client import Client
from ringfence.credentials import FILE_NAME, Addresses, Credentials
from ringfence.errors import CredentialsError
from ringfence.identity import NewPrincipal, PrincipalKind

from ringfence_local_stack.processes.files import private_folder, write_private
from ringfence_local_stack.servers.certificates import principal_id as principal_uri
from ringfence_local_stack.servers.certificates import signing_request
from ringfence_local_stack.stack.running import RunningStack

CERTIFICATE, CERTIFICATE_KEY = "client.pem", "client.key"
_SIGNING_KEY, _SERVER_CA = "signing.key", "servers-ca.pem"
_RENEWAL = timedelta(days=7)


@dataclass(frozen=True)
class PrincipalFolder:
    """The credentials directory of one principal, whose name, kind and id stand in its JSON file."""

    path: Path
    name: str
    kind: PrincipalKind
    principal_id: UUID
    tenant_id: UUID | None

    @classmethod
    def open(cls, path: Path) -> "PrincipalFolder | None":
        """The principal of a directory, None where there is none yet."""
        try:
            fields = json.loads((path / FILE_NAME).read_text())
        except OSError:
            return None
        tenant = fields["tenant_id"]
        return cls(
            path,
            fields["name"],
            PrincipalKind[fields["kind"]],
            UUID(fields["principal_id"]),
            UUID(tenant) if tenant else None,
        )

    @classmethod
    def make(
        cls, path: Path, name: str, kind: PrincipalKind, principal_id: UUID, tenant_id: UUID | None = None
    ) -> "PrincipalFolder":
        """A new principal: makes its signing key (mode 0600) and its JSON file; the certificate comes by `equip`."""
        folder = cls(private_folder(path), name, kind, principal_id, tenant_id)
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(path / _SIGNING_KEY, pem.decode())
        folder._write(None)
        return folder

    @property
    def public_key(self) -> bytes:
        """The public half of the signing key, 32 bytes."""
        key = serialization.load_pem_private_key((self.path / _SIGNING_KEY).read_bytes(), password=None)
        return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    @property
    def certificate_sha256(self) -> bytes:
        """By what identity knows the certificate; empty before `equip`."""
        certificate = self._certificate()
        return certificate.fingerprint(hashes.SHA256()) if certificate else b""

    @property
    def is_ending(self) -> bool:
        """Whether the certificate is over within a week."""
        certificate = self._certificate()
        return certificate is not None and certificate.not_valid_after_utc - datetime.now(UTC) < _RENEWAL

    @property
    def new_principal(self) -> NewPrincipal:
        """What an operator registers."""
        member = self.kind in (PrincipalKind.PLATFORM_APPROVER, PrincipalKind.IMPORTER)
        return NewPrincipal(
            id=self.principal_id,
            kind=self.kind,
            name=self.name,
            public_key=self.public_key,
            tenant_id=self.tenant_id if member else None,
            certificate_sha256=self.certificate_sha256,
        )

    @property
    def bootstrap_entry(self) -> dict[str, object]:
        """What stands in identity's bootstrap file."""
        return {
            "id": str(self.principal_id),
            "kind": self.kind.name,
            "name": self.name,
            "roles": [self.kind.name.lower().replace("_", "-")],
            "public_key_b64url": base64.urlsafe_b64encode(self.public_key).decode().rstrip("="),
            "certificate_sha256_hex": self.certificate_sha256.hex(),
        }

    def equip(self, stack: RunningStack) -> None:
        """Brings trusted authority and addresses up to date with a running stack; makes a certificate where none is."""
        authority = stack.workload_ca_file.read_text()
        if not self._is_certificate_good(stack):
            issued = stack.issue_principal_certificate(str(self.principal_id))
            write_private(self.path / CERTIFICATE, issued.certificate.read_text())
            write_private(self.path / CERTIFICATE_KEY, issued.key.read_text())
            issued.certificate.unlink()
            issued.key.unlink()
        write_private(self.path / _SERVER_CA, authority)
        self._write(addresses_of(stack))

    def renew(self, client: Client) -> None:
        """Has identity sign another certificate for the one that counts."""
        request = signing_request(principal_uri(str(self.principal_id)), on_loopback=False)
        certificate, _ = client.identity.enrol(request.csr)
        write_private(self.path / CERTIFICATE_KEY, request.key)
        write_private(self.path / CERTIFICATE, certificate)

    def credentials(self) -> Credentials:
        """What the SDK takes; raises CredentialsError before `equip`."""
        return Credentials.load(self.path)

    def _certificate(self) -> x509.Certificate | None:
        try:
            return x509.load_pem_x509_certificate((self.path / CERTIFICATE).read_bytes())
        except OSError:
            return None

    def _is_certificate_good(self, stack: RunningStack) -> bool:
        certificate = self._certificate()
        if certificate is None:
            return False
        authority = x509.load_pem_x509_certificate(stack.client_ca_file.read_bytes())
        try:
            certificate.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature):
            # Issued by the authority of a stack that was here before.
            return False
        if certificate.not_valid_after_utc < datetime.now(UTC):
            raise CredentialsError(
                f"the certificate of {self.name} is over: operators pin another, or begin a new stack"
            )
        return True

    def _write(self, addresses: Addresses | None) -> None:
        fields = {
            "name": self.name,
            "kind": self.kind.name,
            "principal_id": str(self.principal_id),
            "tenant_id": str(self.tenant_id) if self.tenant_id else None,
            "signing_key_file": _SIGNING_KEY,
            "certificate_file": CERTIFICATE,
            "certificate_key_file": CERTIFICATE_KEY,
            "server_ca_file": _SERVER_CA,
            "addresses": asdict(addresses) if addresses else None,
        }
        write_private(self.path / FILE_NAME, f"{json.dumps(fields, indent=2)}\n")


def addresses_of(stack: RunningStack) -> Addresses:
    """Where the services of a stack listen."""
    return Addresses(**{service.replace("-", "_"): address for service, address in stack.addresses.items()})
