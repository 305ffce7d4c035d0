"""Telling the bank's messages apart."""

from __future__ import annotations

from io import BytesIO

from lxml import etree

from ringfence_payment_instruction.iso20022.document import MAX_FILE_BYTES, NAMESPACE, open_message
from ringfence_payment_instruction.iso20022.pacs002 import STATUS_REPORTS
from ringfence_payment_instruction.iso20022.pacs004 import RETURNS

_ACCOUNTS = tuple(f"{NAMESPACE}camt.{number}." for number in ("052", "053", "054"))
_XML_BEGINS = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe", b"\xfe\xff")
_HEAD_BYTES = 65_536


def tells_of_account(content: bytes) -> bool:
    """Tells what is read as a report, statement or notification of an account: whatever is no XML, and camt.052 to 054.

    Only the beginning is looked at: a day of a large account is never a whole tree in memory.
    """
    if not content.lstrip(b" \t\r\n").startswith(_XML_BEGINS):
        return True
    head = BytesIO(content[:_HEAD_BYTES])
    try:
        for _, element in etree.iterparse(head, events=("start",), resolve_entities=False, no_network=True):
            if (etree.QName(element).namespace or "").startswith(_ACCOUNTS):
                return True
    except etree.XMLSyntaxError:
        return False
    return False


def is_return(content: bytes, max_bytes: int = MAX_FILE_BYTES) -> bool:
    """Tells a pacs.004 from a pacs.002; raises FileRefused for anything else."""
    return _name_of(content, max_bytes) in RETURNS


def _name_of(content: bytes, max_bytes: int) -> str:
    return open_message(content, STATUS_REPORTS | RETURNS, max_bytes).name
