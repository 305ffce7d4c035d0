"""An issuer is replaced in a real OpenBao, by the steps of docs/runbooks/certificates.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from ringfence_bootstrap.description import Description
from ringfence_bootstrap.vault.api import VaultApi
from ringfence_bootstrap.vault.reconciling import apply
from ringfence_kernel.access.peer_certificates import PeerCertificates
from ringfence_kernel.access.refusals import CertificateRequired
from ringfence_kernel.certificates.renewal import WorkloadCertificate
from ringfence_kernel.certificates.trust import TrustBundle
from ringfence_kernel.values.clock import SystemClock
from ringfence_kernel.vault import AppRole, Vault, VaultOptions
from ringfence_local_stack.servers import openbao
from ringfence_local_stack.servers.openbao import OpenBaoServer

SERVICE, MOUNT, TRUST_DOMAIN = "custody", "pki-workload", "ringfence.local"
ISSUER = {"common_name": "Ringfence workloads, the next", "key_type": "ec", "key_bits": 256, "max_path_length": 0}


@dataclass
class Owned:
    """A server of its own, what is done to whose issuers concerns nobody else, and its administrator."""

    server: OpenBaoServer
    token: str = ""

    def administrator(self) -> VaultApi:
        """Calls under an administrator's token."""
        return VaultApi(self.server.address, self.server.ca_file, self.token)


@pytest.fixture
def owned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Owned]:
    """A fresh server, as the sandbox fills it, whose root token has made another before it was revoked."""
    made = Owned(OpenBaoServer(tmp_path / "openbao", log_file=tmp_path / "openbao.log"))

    def fill(root: VaultApi, description: Description) -> object:
        made.token = root.write("auth/token/create-orphan", policies=["root"], ttl="1h")["auth"]["client_token"]
        return apply(root, description)

    monkeypatch.setattr(openbao, "apply", fill)
    made.server.start()
    try:
        yield made
    finally:
        made.server.stop()


async def connected(server: OpenBaoServer, folder: Path) -> Vault:
    """Logs the service in."""
    file = server.write_wrapped_secret_id(SERVICE, folder / "secret-id")
    role_id = server.role_id(SERVICE)
    identity = AppRole(role_id=role_id, wrapped_secret_id_file=file)
    return await Vault.connect(VaultOptions(addresses=(server.address,), ca_file=server.ca_file, identity=identity))


async def test_issuer_of_workloads_is_replaced(owned: Owned, tmp_path: Path) -> None:
    """Each new certificate is trusted at the time it is shown; the one before as long as its issuer is."""
    vault = await connected(owned.server, tmp_path)
    certificate = WorkloadCertificate(vault.pki, SERVICE, TRUST_DOMAIN, (), SystemClock())
    old = owned.server.authority_certificate(MOUNT).encode()
    clients = TrustBundle(owned.server.authority_certificate("pki-client").encode())
    trust = TrustBundle(old)
    peers = PeerCertificates(trust, clients, TRUST_DOMAIN, SystemClock())

    async def signed() -> bytes:
        await certificate.obtain()
        (leaf,) = x509.load_pem_x509_certificates(certificate.current.certificate_chain_pem)
        return leaf.public_bytes(serialization.Encoding.PEM)

    def is_trusted(leaf: bytes) -> bool:
        try:
            return peers.identify({"ssl_tls_version": [b"TLSv1.3"], "x509_pem_cert": [leaf]}).name == SERVICE
        except CertificateRequired:
            return False

    root = owned.administrator()
    made = root.write(f"{MOUNT}/root/generate/internal", issuer_name="next", ttl="8760h", **ISSUER)
    of_old = await signed()
    assert is_trusted(of_old)
    root.write(f"{MOUNT}/config/issuers", default="next")
    of_new = await signed()
    assert not is_trusted(of_new)
    trust.replace(old + made["data"]["certificate"].encode())
    assert is_trusted(of_old)
    assert is_trusted(of_new)
    trust.replace(made["data"]["certificate"].encode())
    assert not is_trusted(of_old)
    assert is_trusted(of_new)
    vault.close()
