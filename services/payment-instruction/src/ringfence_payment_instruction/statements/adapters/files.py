"""Files of a bank about its accounts, of whatever format."""

from __future__ import annotations

from ringfence_payment_instruction.iso20022.refusal import FileRefused
from ringfence_payment_instruction.statements.adapters.camt import read_camt
from ringfence_payment_instruction.statements.adapters.mt940 import looks_like_mt, read_mt
from ringfence_payment_instruction.statements.domain.statement import StatementFile
from ringfence_payment_instruction.submissions.domain.errors import EvidenceUnreadable

_XML_BEGINS = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe", b"\xfe\xff")


def read_statement_file(content: bytes) -> StatementFile:
    """Returns what a camt.052, 053 or 054, an MT940 or an MT942 tells; raises FileRefused, and nothing else.

    What begins as XML is read as that, whatever texts it holds.
    """
    is_xml = content.lstrip(b" \t\r\n").startswith(_XML_BEGINS)
    return read_mt(content) if not is_xml and looks_like_mt(content) else read_camt(content)


class BankStatementFiles:
    """The StatementFiles port."""

    def read(self, content: bytes) -> StatementFile:
        """Reads a file; raises EvidenceUnreadable."""
        try:
            return read_statement_file(content)
        except FileRefused as refused:
            raise EvidenceUnreadable(refused.text, iso_reason=refused.reason_code, detail=refused.reason) from None
