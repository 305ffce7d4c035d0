"""What follows a payment through all banks (UETR, a UUID of version 4), and the platform's own InstrId."""

from __future__ import annotations

from uuid import UUID

from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID, external_id, show

from ringfence_payment_instruction.submissions.domain.events import InstructionsReceived
from ringfence_payment_instruction.submissions.domain.orders import is_uetr
from ringfence_payment_instruction.submissions.domain.submission import ROWS_PER_EVENT, Submission, slot

_MADE = "payment-instruction.uetr"
_GIVEN = "payment-instruction.given-uetr"


def packed_uetrs(texts: list[str]) -> bytes:
    """Returns 16 bytes for each, zero for none or what is none; nothing at all where none is given."""
    packed = [UUID(text).bytes if is_uetr(text) else ZERO_ID for text in texts]
    return b"".join(packed) if any(map(any, packed)) else b""


def given_uetrs(event: InstructionsReceived) -> list[tuple[int, bytes]]:
    """Returns the rows that came with one, each with it."""
    column = event.uetrs
    rows = range(len(column) // ID_BYTES)
    return [(row, uetr) for row in rows if any(uetr := slot(column, row))]


def uetr_key(tenant: bytes, uetr: bytes) -> bytes:
    """Returns the key of a given one: a tenant uses each once."""
    return tenant + external_id(_GIVEN, tenant, show(uetr))


def uetr_of(submission: Submission, index: int) -> str:
    """Returns the one that came with a payment, else one made of what the payment is: the same whenever it is asked."""
    event = submission.chunks[index // ROWS_PER_EVENT].event
    given = slot(event.uetrs, index % ROWS_PER_EVENT) if event.uetrs else ZERO_ID
    if any(given):
        return str(UUID(bytes=given))
    return str(UUID(bytes=external_id(_MADE, submission.tenant, show(submission.instruction_id(index))), version=4))


def instruction_identification_of(submission: Submission, index: int) -> str:
    """Returns the InstrId that the platform gave a payment, empty without one."""
    texts = submission.chunks[index // ROWS_PER_EVENT].event.instruction_identifications
    return texts[index % ROWS_PER_EVENT] if texts else ""
