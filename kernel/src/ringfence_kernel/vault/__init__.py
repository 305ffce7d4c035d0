"""Keys and certificates from Vault or OpenBao, spoken to with hvac."""

from ringfence_kernel.vault.client import Vault
from ringfence_kernel.vault.errors import VaultLoginRefused, VaultRefused, VaultUnavailable
from ringfence_kernel.vault.logins import AppRole, WorkloadIdentity
from ringfence_kernel.vault.pki import IssuedCertificate, Pki
from ringfence_kernel.vault.session import VaultOptions
from ringfence_kernel.vault.transit import Signature, Transit
from ringfence_kernel.vault.versioned import VersionedValue, VersionedValues

__all__ = [
    "AppRole",
    "IssuedCertificate",
    "Pki",
    "Signature",
    "Transit",
    "Vault",
    "VaultLoginRefused",
    "VaultOptions",
    "VaultRefused",
    "VaultUnavailable",
    "VersionedValue",
    "VersionedValues",
    "WorkloadIdentity",
]
