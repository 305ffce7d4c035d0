"""Telling the bank's messages apart."""

from __future__ import annotations

from ringfence_payment_instruction.iso20022.document import MAX_FILE_BYTES, open_message
from ringfence_payment_instruction.iso20022.pacs002 import STATUS_REPORTS
from ringfence_payment_instruction.iso20022.pacs004 import RETURNS

NOTIFICATIONS = frozenset(f"camt.054.001.{version:02}" for version in range(2, 15))


def is_status_report(content: bytes, max_bytes: int = MAX_FILE_BYTES) -> bool:
    """Tells a pacs.002 from a camt.054 and a pacs.004; raises FileRefused for anything else."""
    return _name_of(content, max_bytes) in STATUS_REPORTS


def is_return(content: bytes, max_bytes: int = MAX_FILE_BYTES) -> bool:
    """Tells a pacs.004 from a camt.054 and a pacs.002; raises FileRefused for anything else."""
    return _name_of(content, max_bytes) in RETURNS


def _name_of(content: bytes, max_bytes: int) -> str:
    return open_message(content, STATUS_REPORTS | NOTIFICATIONS | RETURNS, max_bytes).name
