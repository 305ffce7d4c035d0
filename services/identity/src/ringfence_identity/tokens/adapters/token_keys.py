"""The key that signs tokens: Ed25519 in Vault transit, every version published while Vault keeps it.

Vault rotates the key (by hand or by its `auto_rotate_period`) and signs with the newest version at once. Older versions
stay in the key set, so that their tokens verify until they expire, as long as the operator leaves
`min_decryption_version` alone.
"""

import asyncio
import base64
import json
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from ringfence_kernel.access.token_keys import LocalKeys
from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.vault import Transit, VaultRefused, VaultUnavailable

TOKEN_KEY = "identity-token"  # nosec B105 # no password
REFRESH_SECONDS = 30.0

_LOG = logs.get(__name__)
_ATTEMPTS = 3


class TokenKeys:
    """Signs tokens and publishes the keys that verify them; `local` serves this process's own interceptor."""

    def __init__(self, transit: Transit) -> None:
        """Knows no key until the first refresh."""
        self._transit = transit
        self._versions: dict[int, bytes] = {}
        self.local = LocalKeys()

    async def refresh(self) -> None:
        """Fetches the versions that Vault keeps; raises VaultUnavailable."""
        versions = await self._transit.public_keys(TOKEN_KEY)
        if versions != self._versions:
            _LOG.info("token_keys", versions=sorted(versions))
        self._versions = versions
        self.local.replace(
            {_key_id(version): Ed25519PublicKey.from_public_bytes(raw) for version, raw in versions.items()}
        )

    async def refresh_if_possible(self) -> None:
        """Fetches the versions that Vault keeps; while it is away the last ones stay published."""
        try:
            await self.refresh()
        except (DomainError, VaultRefused) as error:
            _LOG.warning("token_keys_not_refreshed", error=type(error).__name__)

    async def run(self) -> None:
        """Refreshes for ever."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await self.refresh_if_possible()

    async def sign(self, claims: Mapping[str, object]) -> str:
        """Returns a compact JWS (RFC 7515 section 7.1) of type `at+jwt` (RFC 9068 section 2.1).

        The header names the version that signs; when Vault has a newer one, the token is made again under that.
        Raises VaultUnavailable.
        """
        if not self._versions:
            await self.refresh()
        payload = _encoded(json.dumps(claims, separators=(",", ":")).encode())
        for _ in range(_ATTEMPTS):
            newest = max(self._versions)
            header = {"alg": "EdDSA", "typ": "at+jwt", "kid": _key_id(newest)}
            message = f"{_encoded(json.dumps(header, separators=(',', ':')).encode())}.{payload}"
            signature = await self._transit.sign(TOKEN_KEY, message.encode())
            if signature.version == newest:
                return f"{message}.{_encoded(signature.signature)}"
            await self.refresh()
        raise VaultUnavailable("the token key is being rotated")

    async def jwks(self) -> str:
        """Returns the key set (RFC 7517) of Ed25519 keys (RFC 8037 section 2); raises VaultUnavailable."""
        if not self._versions:
            await self.refresh()
        keys = [
            {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": _key_id(version), "x": _encoded(raw)}
            for version, raw in sorted(self._versions.items())
        ]
        return json.dumps({"keys": keys}, separators=(",", ":"))


def _key_id(version: int) -> str:
    return f"{TOKEN_KEY}.v{version}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
