"""Holds what the log has signed in Vault, which is restored apart from the databases if ever."""

from __future__ import annotations

from ringfence_kernel.vault import VersionedValues

from ringfence_audit.log.application.ports import Anchored
from ringfence_audit.log.domain.checkpoint import Checkpoint
from ringfence_audit.log.domain.errors import AnchorMissing

REGISTER = "audit-log"


class VaultAnchor:
    """The Anchor port: the register `audit-log` has size and root for each origin that there ever was.

    While witnesses dispute the log their key names stand beside, a space after each but the last.
    """

    def __init__(self, versioned: VersionedValues) -> None:
        """Reads and replaces by check-and-set."""
        self._versioned = versioned
        self._content: dict[str, dict[str, str]] = {}

    async def read(self, origin: str) -> Anchored:
        """Returns what is anchored; raises VaultUnavailable, AnchorMissing."""
        found = await self._versioned.read(REGISTER)
        if not found.version:
            raise AnchorMissing
        self._content = {each: dict(said) for each, said in found.content.items()}
        said = self._content.get(origin, {"size": "0", "root": ""})
        disputed_by = frozenset(said.get("disputed_by", "").split())
        return Anchored(int(said["size"]), bytes.fromhex(said["root"]), found.version, disputed_by)

    async def replace(self, held: Anchored, checkpoint: Checkpoint, disputed_by: frozenset[str]) -> int | None:
        """Anchors a checkpoint; raises VaultUnavailable."""
        said = {"size": str(checkpoint.size), "root": checkpoint.root.hex()}
        if disputed_by:
            said["disputed_by"] = " ".join(sorted(disputed_by))
        return await self._versioned.replace(REGISTER, self._content | {checkpoint.origin: said}, held.version)
