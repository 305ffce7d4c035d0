"""The few HTTP calls that are made to Vault or OpenBao, through hvac (the API that both share)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import hvac
from hvac import exceptions

Answer = dict[str, Any]

_SECONDS = 10
_LOOK_SECONDS = 0.05
_BEGINS = "Upgrading from non-versioned"
"""Stands in what a key-value engine answers until it is ready."""


class VaultApi:
    """Calls under one token. Refusals raise `hvac.exceptions.VaultError`, a lost server `requests` errors (OSError)."""

    def __init__(self, address: str, ca_file: Path | None, token: str = "") -> None:
        self.token = token
        verify = str(ca_file) if ca_file else True
        self._client = hvac.Client(url=address, token=token, verify=verify, namespace="", timeout=_SECONDS)
        # Neither proxies nor CA bundles of the environment are meant for a server of keys.
        self._client.adapter.session.trust_env = False

    def read(self, path: str) -> Answer:
        """GET /v1/`path`."""
        return self.call("get", path)

    def write(self, path: str, *, wrap_seconds: int | None = None, **fields: object) -> Answer:
        """PUT /v1/`path`; with `wrap_seconds` the answer holds a single-use wrapping token instead of the result."""
        return self.call("put", path, json=fields, wrap_ttl=f"{wrap_seconds}s" if wrap_seconds else None)

    def delete(self, path: str) -> None:
        """DELETE /v1/`path`."""
        self.call("delete", path)

    def names(self, path: str) -> list[str]:
        """LIST /v1/`path`; empty where nothing is there."""
        try:
            return list(self.call("list", path)["data"]["keys"])
        except exceptions.InvalidPath:
            return []

    def data(self, path: str) -> Answer | None:
        """Returns the data of GET /v1/`path`, None where nothing is there; mounts say so by 400."""
        try:
            data: Answer = self.read(path)["data"]
        except exceptions.InvalidPath:
            return None
        except exceptions.InvalidRequest:
            if path.startswith(("sys/mounts/", "sys/auth/")):
                return None
            raise
        return data

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

    def call(self, method: str, path: str, **options: Any) -> Answer:
        """Makes one request; an answer without content is empty. An engine that was made just now is waited for."""
        end = time.monotonic() + _SECONDS
        while True:
            try:
                answer = self._client.adapter.request(method, f"/v1/{path}", **options)
            except exceptions.InvalidRequest as refusal:
                if _BEGINS not in str(refusal) or time.monotonic() > end:
                    raise
                time.sleep(_LOOK_SECONDS)
            else:
                return answer if isinstance(answer, dict) else {}
