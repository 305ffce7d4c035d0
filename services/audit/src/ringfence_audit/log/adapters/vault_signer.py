"""Signs checkpoints with the log's keys, which never leave Vault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ringfence_kernel.vault import Transit

from ringfence_audit.log.domain.checkpoint import NoteKey
from ringfence_audit.log.domain.errors import SigningKeyMissing

KEY = "audit-checkpoint"


class VaultSigner:
    """Signs as the log of one origin, with versions of the transit key `audit-checkpoint` (Ed25519).

    A version that was made in Vault signs nothing until the log's events say so.
    """

    def __init__(self, transit: Transit, origin: str) -> None:
        self._transit = transit
        self._origin = origin
        self._keys: dict[int, NoteKey] = {}

    async def sign(self, checkpoint_text: str, key_ids: Sequence[bytes]) -> str:
        """Gives the note, signed by the keys of these ids in their order, by the newest where there is none.

        Raises VaultUnavailable while Vault is sealed or away, and SigningKeyMissing.
        """
        versions = [await self._version(each) for each in key_ids]
        lines = [await self._line(checkpoint_text, version) for version in versions or (None,)]
        return f"{checkpoint_text}\n{''.join(lines)}"

    async def vkeys(self) -> Mapping[bytes, str]:
        """Returns the vkeys of all versions, by key id; raises VaultUnavailable."""
        await self._load()
        return {key.key_id: key.text() for key in self._keys.values()}

    async def _line(self, text: str, version: int | None) -> str:
        made = await self._transit.sign(KEY, text.encode(), version=version)
        if made.version not in self._keys:
            await self._load()
        return self._keys[made.version].line(made.signature)

    async def _version(self, key_id: bytes) -> int:
        for _ in range(2):
            for version, key in self._keys.items():
                if key.key_id == key_id:
                    return version
            await self._load()
        raise SigningKeyMissing(key_id=key_id.hex())

    async def _load(self) -> None:
        public_keys = await self._transit.public_keys(KEY)
        self._keys = {version: NoteKey(self._origin, each) for version, each in public_keys.items()}
