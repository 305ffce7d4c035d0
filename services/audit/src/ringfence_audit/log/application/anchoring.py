"""What the log has signed is held where no restored database reaches: nothing is signed that does not go on from it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.errors import DomainError

from ringfence_audit.log.application.ports import Anchor, Anchored
from ringfence_audit.log.domain.checkpoint import Checkpoint
from ringfence_audit.log.domain.errors import AnchorMoved, LogRolledBack

_LOG = logs.get(__name__)


@dataclass(slots=True)
class Anchoring:
    """Moves the anchor on before a signature leaves.

    `root_at` gives the tree head over so many of the log's leaves; it blocks. What a process has anchored itself it
    need not compare again: whoever else has moved the anchor meanwhile makes it look anew.
    """

    anchor: Anchor
    root_at: Callable[[int], bytes]
    rolled_back: bool = False
    """Whether the log was found not to go on from what it has signed."""
    _held: Anchored | None = None

    async def advance(self, checkpoint: Checkpoint) -> None:
        """Returns once the checkpoint may be signed.

        Raises LogRolledBack, AnchorMoved where another process was faster, and what reading the anchor raises.
        """
        held = self._held or await self.anchor.read(checkpoint.origin)
        if self._held is None:
            await self._require_own(held, checkpoint)
        self._held = None
        if (held.size, held.root) != (checkpoint.size, checkpoint.root):
            if checkpoint.size <= held.size:
                raise self._refusal(held, checkpoint.size)
            version = await self.anchor.replace(held, checkpoint)
            if version is None:
                raise AnchorMoved
            held = Anchored(checkpoint.size, checkpoint.root, version)
        self._held, self.rolled_back = held, False

    async def compare(self, head: Checkpoint) -> None:
        """Compares the log as it stands with what is anchored, unless this process has done so before.

        A log that nothing was added to since it was put back says so too. Raises LogRolledBack, and what reading the
        anchor raises.
        """
        if self._held is None:
            held = await self.anchor.read(head.origin)
            await self._require_own(held, head)
            self._held, self.rolled_back = held, False

    async def is_overtaken(self, checkpoint: Checkpoint) -> bool:
        """Tells whether more than a checkpoint is anchored by now; raises what reading the anchor raises."""
        return (await self.anchor.read(checkpoint.origin)).size > checkpoint.size

    async def _require_own(self, held: Anchored, checkpoint: Checkpoint) -> None:
        """Raises LogRolledBack where the log does not have what is anchored."""
        if held.size > checkpoint.size:
            raise self._refusal(held, checkpoint.size)
        if held.size and await asyncio.to_thread(self.root_at, held.size) != held.root:
            raise self._refusal(held, checkpoint.size)

    def _refusal(self, held: Anchored, size: int) -> DomainError:
        if not self.rolled_back:
            _LOG.critical("log_rolled_back", size=size, signed_size=held.size, signed_root=held.root.hex())
        self.rolled_back = True
        return LogRolledBack(size=str(size), signed_size=str(held.size))
