"""Whether a payment file would be refused, found out in a process aside: refusals travel, files that are read do not.

What is refused never meets the service's own interpreter. What is not is read there once more, in its own time: files
that are paid are the work itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ringfence_kernel.writing import plain

from ringfence_payment_instruction.iso20022.messages import CreditTransferFile
from ringfence_payment_instruction.iso20022.pain001 import read_credit_transfer_file
from ringfence_payment_instruction.iso20022.refusal import FileRefused

FUNCTION = "ringfence_payment_instruction.iso20022.aside:refusal_of"
SMALL_BYTES = 16 * 1024
"""A file of so few bytes is read before a process would have it."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    reason: str
    text: str
    message_id: str
    message_name: str
    sha256: bytes


def refusal_of(content: bytes) -> bytes:
    """Returns why a file is refused, and nothing for one that is not."""
    try:
        read_credit_transfer_file(content)
    except FileRefused as refused:
        fields = refused.reason, refused.text, refused.message_id, refused.message_name, refused.sha256
        return plain.encode(_Refusal(*fields))
    return b""


def read_checked(content: bytes, aside: Callable[[bytes], bytes]) -> CreditTransferFile:
    """Reads a payment file that `aside` has looked at before, if it is not small; raises FileRefused."""
    if len(content) <= SMALL_BYTES:
        return read_credit_transfer_file(content)
    if answer := aside(content):
        refusal = plain.decode(memoryview(answer), _Refusal)
        raise FileRefused(
            refusal.reason,
            refusal.text,
            message_id=refusal.message_id,
            message_name=refusal.message_name,
            sha256=refusal.sha256,
        )
    return read_credit_transfer_file(content, is_bounded=True)
