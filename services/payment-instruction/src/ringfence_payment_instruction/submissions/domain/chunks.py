"""What an event has of many instructions together, and of one its personal data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ringfence_kernel.values.ids import ID_BYTES

from ringfence_payment_instruction.submissions.domain.events import InstructionsReceived


class Sealed(NamedTuple):
    """An instruction's personal data as it stands in an event, with what its key and associated data are found by."""

    version: int
    row: int
    debtor_owner: bytes
    creditor_owner: bytes
    debtor: bytes
    creditor: bytes
    parties_row: int
    parties: bytes


@dataclass(frozen=True, slots=True)
class Chunk:
    """The rows of one InstructionsReceived event."""

    version: int
    event: InstructionsReceived

    def sealed(self, row: int) -> Sealed:
        """Returns the personal data of a row, sealed."""
        event, ids = self.event, slice(row * ID_BYTES, (row + 1) * ID_BYTES)
        parties_row = int.from_bytes(event.parties_rows[2 * row : 2 * row + 2], "big") - 1
        return Sealed(
            self.version,
            row,
            event.debtor_owners[ids],
            event.creditor_owners[ids],
            event.debtor_sealed[row],
            event.creditor_sealed[row],
            parties_row,
            event.parties_sealed.get(parties_row, b""),
        )
