"""Which payments a bank means, by whatever it names them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ringfence_payment_instruction.submissions.domain.past import InstructionRef, bank_key, message_key
from ringfence_payment_instruction.submissions.domain.state import State
from ringfence_payment_instruction.submissions.domain.uetrs import (
    bank_uetr_keys,
    instruction_identification_of,
    uetr_of,
)


@dataclass(frozen=True, slots=True)
class PaymentNames:
    """The ids by which a bank names a payment, empty for those that it does not give."""

    message_id: str = ""
    transaction_id: str = ""
    end_to_end_id: str = ""
    instruction_id: str = ""
    uetr: str = ""


def keys_of_names(names: Iterable[PaymentNames]) -> list[bytes]:
    """Returns the keys under which the payments are looked up."""
    keys: set[bytes] = set()
    for each in names:
        keys.update((message_key(each.message_id), bank_key(each.transaction_id), *bank_uetr_keys(each.uetr)))
    return sorted(keys - {b""})


def payments_named(state: State, names: PaymentNames) -> Sequence[InstructionRef]:
    """Returns the payments that fit all that a bank names them by, none where it does not identify any.

    The end-to-end id and the InstrId are the payer's own and no identity: they tell apart the payments of a message,
    and only those. A transaction id or a UETR finds a payment by itself. Raises LookAgain as `State.known`.
    """
    if names.transaction_id:
        ref = state.sent(names.transaction_id)
        found = [] if ref is None else [ref]
    elif names.message_id:
        message = state.message(names.message_id)
        found = [] if message is None else list(message.refs)
    else:
        found = _by_uetr(state, names.uetr)
    return [ref for ref in found if _fits(state, ref, names)]


def reference_of(state: State, ref: InstructionRef) -> str:
    """Returns the id of the message in which a payment was sent."""
    return state.known(ref.stream).references[ref.index]


def _by_uetr(state: State, uetr: str) -> list[InstructionRef]:
    """Returns the payments that were sent under a UETR: one that was made here, one that came with an order."""
    found = dict.fromkeys(ref for key in bank_uetr_keys(uetr) if (ref := state.used_at(key)) is not None)
    return [ref for ref in found if ref.index in state.known(ref.stream).references]


def _fits(state: State, ref: InstructionRef, names: PaymentNames) -> bool:
    if names.message_id not in ("", reference_of(state, ref)):
        return False
    submission = state.known(ref.stream)
    if names.uetr and names.uetr.lower() != uetr_of(submission, ref.index):
        return False
    if names.transaction_id:
        return True
    # What was not told to the bank is the bank's own word, and tells nothing apart.
    instruction = instruction_identification_of(submission, ref.index)
    if instruction and names.instruction_id not in ("", instruction):
        return False
    return names.end_to_end_id in ("", submission.end_to_end_id(ref.index).strip())
