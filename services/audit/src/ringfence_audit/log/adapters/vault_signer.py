"""Signs checkpoints with the log's key, which never leaves Vault."""

from __future__ import annotations

from ringfence_kernel.vault import Transit

from ringfence_audit.log.domain.checkpoint import NoteKey

KEY = "audit-checkpoint"


class VaultSigner:
    """Signs as the log of one origin, with the transit key `audit-checkpoint` (Ed25519)."""

    def __init__(self, transit: Transit, origin: str) -> None:
        self._transit = transit
        self._origin = origin
        self._keys: dict[int, NoteKey] = {}

    async def sign(self, checkpoint_text: str) -> str:
        """Gives the signed note; raises VaultUnavailable while Vault is sealed or away."""
        made = await self._transit.sign(KEY, checkpoint_text.encode())
        key = self._keys.get(made.version) or await self._load(made.version)
        return key.signed(checkpoint_text, made.signature)

    async def _load(self, version: int) -> NoteKey:
        public_keys = await self._transit.public_keys(KEY)
        self._keys[version] = NoteKey(self._origin, public_keys[version])
        return self._keys[version]
