"""What an event has of many instructions together, and of one its personal data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

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
