"""What was sent to the bank: the payments of a pacs.008."""

from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element


@dataclass(frozen=True)
class SentPayment:
    """A payment as the bank reads it: the ids that an answer names, and the element with all the rest."""

    message_id: str
    transaction_id: str
    end_to_end_id: str
    element: Element

    def text(self, path: str) -> str | None:
        """The text at a path such as "Dbtr/Nm" inside CdtTrfTxInf, None where there is none."""
        found = self.element.find(_path(path))
        return None if found is None else found.text

    def has(self, path: str) -> bool:
        """Whether there is an element at a path."""
        return self.element.find(_path(path)) is not None


def sent_payments(message: bytes) -> list[SentPayment]:
    """The payments of a pacs.008, in order."""
    transfer = ElementTree.fromstring(message)[0]
    message_id = transfer.findtext("{*}GrpHdr/{*}MsgId", "")
    return [
        SentPayment(
            message_id,
            each.findtext("{*}PmtId/{*}TxId", ""),
            each.findtext("{*}PmtId/{*}EndToEndId", ""),
            each,
        )
        for each in transfer.iterfind("{*}CdtTrfTxInf")
    ]


def _path(steps: str) -> str:
    return "/".join(f"{{*}}{step}" for step in steps.split("/"))
