"""The few HTTP calls that the stack makes to OpenBao, through hvac (the API that Vault and OpenBao share)."""

from pathlib import Path
from typing import Any

import hvac

Answer = dict[str, Any]


class VaultApi:
    """Calls under one token. Refusals raise `hvac.exceptions.VaultError`, a lost server `requests` errors (OSError)."""

    def __init__(self, address: str, ca_file: Path, token: str = "") -> None:
        self._client = hvac.Client(url=address, token=token, verify=str(ca_file), namespace="", timeout=10)
        # The server is on this machine: proxies and CA bundles of the environment are not meant for it.
        self._client.adapter.session.trust_env = False

    def read(self, path: str) -> Answer:
        """GET /v1/`path`."""
        return self._call("get", path)

    def write(self, path: str, *, wrap_seconds: int | None = None, **fields: object) -> Answer:
        """PUT /v1/`path`; with `wrap_seconds` the answer holds a single-use wrapping token instead of the result."""
        return self._call("put", path, json=fields, wrap_ttl=f"{wrap_seconds}s" if wrap_seconds else None)

    def is_active(self) -> bool:
        """Whether the server is unsealed and leads, so that it serves every request."""
        try:
            health = self._client.adapter.get("/v1/sys/health", raise_exception=False)
        except OSError:
            return False
        # hvac gives the decoded body with status 200 only, which stands for "initialised, unsealed and active".
        return isinstance(health, dict)

    def is_listening(self) -> bool:
        """Whether the server answers at all, sealed or not."""
        try:
            self._client.adapter.get("/v1/sys/seal-status")
        except OSError:
            return False
        return True

    def _call(self, method: str, path: str, **options: Any) -> Answer:
        answer = self._client.adapter.request(method, f"/v1/{path}", **options)
        return answer if isinstance(answer, dict) else {}
