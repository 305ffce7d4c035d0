"""A stack's OpenBao as its operator uses it, from whatever process: certificates, secret ids, sealing."""

import json
import os
from pathlib import Path

from ringfence_bootstrap.vault.api import VaultApi
from ringfence_local_stack.processes.files import write_private
from ringfence_local_stack.servers.certificates import (
    CertificateFiles,
    SigningRequest,
    infrastructure_id,
    signing_request,
)
from ringfence_local_stack.servers.certificates import principal_id as principal_uri
from ringfence_local_stack.servers.certificates import service_id as service_uri

_WRAP_SECONDS = 300


class OpenBaoAccess:
    """What the operator's token and the unseal key, both kept in `folder`, allow at `address`."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address = address
        self._folder = folder
        self._keys_file = folder / "keys.json"

    @property
    def ca_file(self) -> Path:
        """Certificate of the throw-away authority behind the API's TLS certificate, for VAULT_CACERT."""
        return self._folder / "tls" / "ca.pem"

    def seal(self) -> None:
        """Seals the server: every request but unsealing is refused from now on."""
        self.admin().write("sys/seal")

    def unseal(self) -> None:
        """Gives the unseal key; `OpenBaoServer.unseal` also waits until requests are served."""
        self._api().write("sys/unseal", key=self._keys()["unseal_key"])

    @property
    def admin_token(self) -> str:
        """The operator's token."""
        return self._keys()["admin_token"]

    def admin(self) -> VaultApi:
        """Calls under the operator's token."""
        return self._api(self.admin_token)

    def authority_certificate(self, mount: str) -> str:
        """The root certificate of `pki-workload` or `pki-client`, PEM."""
        return str(self._api().read(f"{mount}/cert/ca")["data"]["certificate"])

    def role_id(self, service: str) -> str:
        """The AppRole's role id of a service, which is no secret."""
        return str(self.admin().read(f"auth/approle/role/{service}/role-id")["data"]["role_id"])

    def write_wrapped_secret_id(self, service: str, file: Path) -> Path:
        """Issues a secret id of one use, wrapped in a token of one use that lives 5 minutes, into `file` (0600)."""
        path = f"auth/approle/role/{service}/secret-id"
        wrapped = self.admin().write(path, wrap_seconds=_WRAP_SECONDS)
        return write_private(file, str(wrapped["wrap_info"]["token"]))

    def log_in(self, service: str) -> VaultApi:
        """Calls under a service's own token, for what nobody but it may do; for tests and drills."""
        issued = self.admin().write(f"auth/approle/role/{service}/secret-id")["data"]["secret_id"]
        answer = self._api().write("auth/approle/login", role_id=self.role_id(service), secret_id=issued)
        return self._api(answer["auth"]["client_token"])

    def environment(self, service: str, folder: Path) -> dict[str, str]:
        """The settings by which a service logs in, for one start; a fresh wrapped secret id stands in `folder`."""
        secret_id = self.write_wrapped_secret_id(service, folder / f"secret-id.{os.urandom(4).hex()}")
        return {
            "VAULT_ADDR": self.address,
            "VAULT_CACERT": str(self.ca_file),
            "RINGFENCE_VAULT_ROLE_ID": self.role_id(service),
            "RINGFENCE_VAULT_WRAPPED_SECRET_ID_FILE": str(secret_id),
        }

    def issue_service_certificate(self, service: str, folder: Path) -> CertificateFiles:
        """A certificate of a service's workload, as that service would get it; for tests and drills."""
        request = signing_request(service_uri(service), on_loopback=True)
        return self._issue(f"pki-workload/sign/{service}", request, folder, service, self.log_in(service))

    def issue_infrastructure_certificate(self, name: str, folder: Path, *, is_server: bool) -> CertificateFiles:
        """A certificate of the stack's own NATS server or NATS administrator."""
        request = signing_request(infrastructure_id(name), on_loopback=is_server)
        return self._issue(f"pki-workload/sign/{name}", request, folder, name)

    def issue_principal_certificate(self, principal: str, folder: Path) -> CertificateFiles:
        """A client certificate for the principal with this UUID text, valid 30 days; the key never leaves `folder`."""
        request = signing_request(principal_uri(principal), on_loopback=False)
        return self._issue("pki-client/sign/principal", request, folder, principal)

    def _issue(
        self, path: str, request: SigningRequest, folder: Path, name: str, session: VaultApi | None = None
    ) -> CertificateFiles:
        signed = (session or self.admin()).write(path, csr=request.csr)["data"]
        return request.save(f"{signed['certificate']}\n", folder, name)

    def _api(self, token: str = "") -> VaultApi:
        return VaultApi(self.address, self.ca_file, token)

    def _keys(self) -> dict[str, str]:
        keys: dict[str, str] = json.loads(self._keys_file.read_text())
        return keys
