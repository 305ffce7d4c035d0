"""Keys that never leave Vault: the transit engine."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ringfence_kernel.vault.errors import VaultRefused
from ringfence_kernel.vault.session import VaultSession

BATCH_ITEMS = 128
"""Items per request: the server refuses batches of about 250 with associated data."""

Marshaling = Literal["asn1", "jws"]


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature and the version of the key that made it; Ed25519: 64 bytes (RFC 8032 section 5.1.6)."""

    signature: bytes
    version: int


class Transit:
    """Signs, encrypts and decrypts under named keys; raises VaultUnavailable, VaultRefused or Overloaded."""

    def __init__(self, session: VaultSession) -> None:
        """Uses the engine mounted at `transit`."""
        self._session = session

    async def sign(
        self, key: str, data: bytes, *, marshaling: Marshaling = "asn1", version: int | None = None
    ) -> Signature:
        """Signs with a version of the key, the latest where none is given.

        `jws` gives ECDSA signatures as JOSE wants them (RFC 7518 section 3.4).
        """
        answer = await self._session.call(
            lambda client: client.secrets.transit.sign_data(
                key, hash_input=_text(data), marshaling_algorithm=marshaling, key_version=version
            )
        )
        _, signed_by, signature = answer["data"]["signature"].split(":", 2)
        if marshaling == "jws":
            return Signature(base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)), _number(signed_by))
        return Signature(base64.b64decode(signature), _number(signed_by))

    async def public_keys(self, key: str) -> dict[int, bytes]:
        """Returns the public keys by version: 32 raw bytes for Ed25519, PEM for other types."""
        answer = await self._session.call(lambda client: client.secrets.transit.read_key(key))
        is_raw = answer["data"]["type"] == "ed25519"
        return {
            int(version): base64.b64decode(entry["public_key"]) if is_raw else entry["public_key"].encode()
            for version, entry in answer["data"]["keys"].items()
        }

    async def encrypt(
        self, key: str, plaintexts: Sequence[bytes], associated_data: Sequence[bytes] | None = None
    ) -> list[str]:
        """Encrypts any number of texts, in order, in batches; the results are Vault's ciphertexts (`vault:v1:…`)."""
        items = [{"plaintext": _text(plaintext)} for plaintext in plaintexts]
        return [result["ciphertext"] for result in await self._batches("encrypt", key, items, associated_data)]

    async def decrypt(
        self, key: str, ciphertexts: Sequence[str], associated_data: Sequence[bytes] | None = None
    ) -> list[bytes]:
        """Decrypts any number of Vault's ciphertexts, in order; raises VaultRefused if one is not genuine."""
        items = [{"ciphertext": ciphertext} for ciphertext in ciphertexts]
        results = await self._batches("decrypt", key, items, associated_data)
        return [base64.b64decode(result["plaintext"]) for result in results]

    async def hmac(self, key: str, data: bytes) -> bytes:
        """Returns HMAC-SHA-256 of the data under the first version of the key, so that indexes outlive a rotation."""
        answer = await self._session.call(
            lambda client: client.secrets.transit.generate_hmac(
                key, hash_input=_text(data), key_version=1, algorithm="sha2-256"
            )
        )
        return base64.b64decode(answer["data"]["hmac"].split(":", 2)[2])

    async def _batches(
        self, operation: str, key: str, items: list[dict[str, str]], associated_data: Sequence[bytes] | None
    ) -> list[dict[str, Any]]:
        for item, associated in zip(items, associated_data or (), strict=associated_data is not None):
            item["associated_data"] = _text(associated)
        results: list[dict[str, Any]] = []
        for start in range(0, len(items), BATCH_ITEMS):
            results += await self._batch(f"/v1/transit/{operation}/{key}", items[start : start + BATCH_ITEMS])
        return results

    async def _batch(self, path: str, items: list[dict[str, str]]) -> list[dict[str, Any]]:
        answer = await self._session.call(lambda client: client.adapter.post(path, json={"batch_input": items}))
        results: list[dict[str, Any]] = answer["data"]["batch_results"]
        errors = {result["error"] for result in results if result.get("error")}
        if errors or len(results) != len(items):
            raise VaultRefused("; ".join(sorted(errors)) or "fewer results than items")
        return results


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _number(version: str) -> int:
    return int(version.removeprefix("v"))
