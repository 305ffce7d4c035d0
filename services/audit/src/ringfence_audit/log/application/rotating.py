"""A rotation that was ordered is announced once the key can sign: what cannot be carried out changes nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.errors import DomainError

from ringfence_audit.log.application.ports import Signer
from ringfence_audit.log.domain.events import KeyRotationOrdered
from ringfence_audit.log.domain.keys import has_signed, key_id
from ringfence_audit.log.domain.state import State

_LOG = logs.get(__name__)


@dataclass(slots=True)
class Rotating:
    """Looks whether the key of the newest order is there."""

    state: State
    signer: Signer
    _said: tuple[KeyRotationOrdered, str] | None = None
    _looked_at: KeyRotationOrdered | None = None

    async def previous(self) -> str:
        """Returns the newest vkey that signs now where what is ordered can be announced, else nothing.

        That is looked at while two keys sign too: an order that cannot be carried out cuts no overlap short. Raises
        what asking for the keys raises.
        """
        ordered, signed = self.state.ordered, self.state.signed
        if ordered is None or signed is None:
            return ""
        self._looked_at = ordered
        there = await self.signer.vkeys()
        waits = await self._waits(ordered, signed.note.partition("\n\n")[0], there.values())
        if not waits:
            return there.get(self.state.signing_ids[-1], "")
        if self._said != (ordered, waits):
            _LOG.critical("key_rotation_waits", vkey=ordered.vkey, reason=waits)
        self._said = ordered, waits
        return ""

    def still(self, previous: str) -> str:
        """Gives what `previous` returned if the order is still the one that was looked at, else nothing."""
        return previous if self.state.ordered == self._looked_at else ""

    async def _waits(self, ordered: KeyRotationOrdered, signed_text: str, there: Collection[str]) -> str:
        """Returns what an order waits for. That the key signs is tried on what is published; nobody sees it."""
        if ordered.vkey not in there:
            return "SIGNING_KEY_MISSING"
        if has_signed(self.state.rotations, ordered.vkey):
            return "KEY_RETIRED"
        try:
            await self.signer.sign(f"{signed_text}\n", [key_id(ordered.vkey)])
        except Exception as error:
            # Whatever is wrong with it, the key that signs goes on.
            return error.reason if isinstance(error, DomainError) else type(error).__name__
        return ""
