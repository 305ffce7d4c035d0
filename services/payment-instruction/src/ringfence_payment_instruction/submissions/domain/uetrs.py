"""What follows a payment through all banks (UETR, a UUID of version 4), and the platform's own InstrId."""

from __future__ import annotations

from uuid import UUID

from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID, external_id, show

from ringfence_payment_instruction.submissions.domain.events import InstructionsReceived
from ringfence_payment_instruction.submissions.domain.orders import is_uetr
from ringfence_payment_instruction.submissions.domain.submission import ROWS_PER_EVENT, Submission, slot

_MADE = "payment-instruction.uetr"
_GIVEN = "payment-instruction.given-uetr"
_BANKS_MADE, _BANKS_GIVEN = "payment-instruction.banks-made-uetr", "payment-instruction.banks-given-uetr"


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
    return _made(submission.tenant, submission.instruction_id(index))


def bank_uetr_keys(uetr: str) -> tuple[bytes, ...]:
    """Returns the keys of the payment that a bank names by a UETR alone; none for what is none.

    One that came with an order is a platform's word, and must not take the place of one that was made for another.
    """
    text = uetr.lower()
    return (_bank_key(_BANKS_MADE, text), _bank_key(_BANKS_GIVEN, text)) if is_uetr(text) else ()


def made_uetr_bank_key(tenant: bytes, instruction_id: bytes) -> bytes:
    """Returns the key of the UETR that is made for a payment."""
    return _bank_key(_BANKS_MADE, _made(tenant, instruction_id))


def given_uetr_bank_key(uetr: bytes) -> bytes:
    """Returns the key under which a bank's word of a given UETR is looked up."""
    return _bank_key(_BANKS_GIVEN, str(UUID(bytes=uetr)))


def _bank_key(domain: str, uetr: str) -> bytes:
    return ZERO_ID + external_id(domain, ZERO_ID, uetr)


def _made(tenant: bytes, instruction_id: bytes) -> str:
    return str(UUID(bytes=external_id(_MADE, tenant, show(instruction_id)), version=4))


def instruction_identification_of(submission: Submission, index: int) -> str:
    """Returns the InstrId that the platform gave a payment, empty without one."""
    texts = submission.chunks[index // ROWS_PER_EVENT].event.instruction_identifications
    return texts[index % ROWS_PER_EVENT] if texts else ""
