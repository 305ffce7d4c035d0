"""Certificates from Vault's PKI engines: one issuer for workloads, another for client principals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cryptography import x509

from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.vault.errors import VaultRefused
from ringfence_kernel.vault.session import VaultSession


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A signed certificate, PEM; `chain_pem` holds it and the intermediates up to, without, the root."""

    certificate_pem: str
    chain_pem: str
    serial_number: str
    not_before_ns: int
    not_after_ns: int


class Pki:
    """Has signing requests signed; the private keys stay where they were made."""

    def __init__(self, session: VaultSession) -> None:
        """Uses the engines mounted at `pki-workload` and `pki-client`."""
        self._session = session

    async def sign_workload(self, service: str, request_pem: str) -> IssuedCertificate:
        """Signs with the names of the request, which the service's role bounds."""
        return await self._sign("pki-workload", service, request_pem, {})

    async def sign_client(self, request_pem: str, spiffe_id: str, ttl_seconds: int | None = None) -> IssuedCertificate:
        """Signs a principal's request; raises VaultRefused unless the certificate names `spiffe_id` and nothing else.

        Depending on the role, the issuer takes the name from the request, whoever wrote that.
        """
        parameters: dict[str, Any] = {"uri_sans": spiffe_id}
        if ttl_seconds is not None:
            parameters["ttl"] = f"{ttl_seconds}s"
        issued = await self._sign("pki-client", "principal", request_pem, parameters)
        if _names(issued) != [spiffe_id]:
            await self.revoke_client(issued.serial_number)
            raise VaultRefused("the issuer named somebody else")
        return issued

    async def revoke_client(self, serial_number: str) -> None:
        """Puts a client certificate on the revocation list."""
        await self._session.call(
            lambda client: client.secrets.pki.revoke_certificate(serial_number, mount_point="pki-client")
        )

    async def _sign(self, mount: str, role: str, request_pem: str, parameters: dict[str, Any]) -> IssuedCertificate:
        body = {"csr": request_pem, "format": "pem", **parameters}
        answer = await self._session.call(lambda client: client.adapter.post(f"/v1/{mount}/sign/{role}", json=body))
        return _issued(answer["data"])


def _issued(data: dict[str, Any]) -> IssuedCertificate:
    leaf = x509.load_pem_x509_certificate(data["certificate"].encode())
    chain = [data["certificate"], *(issuer for issuer in data.get("ca_chain") or () if not _is_root(issuer))]
    return IssuedCertificate(
        certificate_pem=data["certificate"],
        chain_pem="\n".join(part.strip() for part in chain) + "\n",
        serial_number=data["serial_number"],
        not_before_ns=int(leaf.not_valid_before_utc.timestamp()) * NANOSECONDS,
        not_after_ns=int(leaf.not_valid_after_utc.timestamp()) * NANOSECONDS,
    )


def _names(issued: IssuedCertificate) -> list[object]:
    extensions = x509.load_pem_x509_certificate(issued.certificate_pem.encode()).extensions
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name.value for name in names]


def _is_root(pem: str) -> bool:
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return certificate.issuer == certificate.subject
