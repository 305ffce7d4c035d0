"""Why a file is refused whole."""

from __future__ import annotations

NOT_PROVIDED = "NOTPROVIDED"

# Our reason, and the ISO 20022 external status reason code (ExternalStatusReason1Code) that answers it.
REASON_CODES = {
    "FILE_TOO_LARGE": "FF01",
    "FILE_TOO_COMPLEX": "FF01",
    "NOT_WELL_FORMED": "FF01",
    "DOCTYPE_REFUSED": "FF01",
    "NO_MESSAGE": "FF01",
    "MESSAGE_NOT_SUPPORTED": "FF01",
    "SCHEMA_INVALID": "FF01",
    "STRUCTURE_INVALID": "FF01",
    "DATE_INVALID": "DT01",
    "CURRENCY_NOT_SUPPORTED": "AM11",
    "AMOUNT_INVALID": "AM12",
    "COUNT_MISMATCH": "AM18",
    "TOO_MANY_TRANSACTIONS": "AM18",
    "CONTROL_SUM_MISMATCH": "AM10",
    "IBAN_INVALID": "AC01",
}


class FileRefused(Exception):
    """A file that is refused whole; nothing of it takes effect.

    `reason` is a key of REASON_CODES and `reason_code` its ISO code. The text names elements, lines and counts, never
    a value from the file, so it may be logged and kept. `message_id` and `message_name` are NOT_PROVIDED where the file
    does not give them legibly; `sha256` is the digest of its bytes.
    """

    def __init__(
        self,
        reason: str,
        text: str,
        *,
        message_id: str = NOT_PROVIDED,
        message_name: str = NOT_PROVIDED,
        sha256: bytes = b"",
    ) -> None:
        """Takes the reason and a text; a reader adds what identifies the file."""
        super().__init__(f"{reason}: {text}")
        self.reason = reason
        self.reason_code = REASON_CODES[reason]
        self.text = text
        self.message_id = message_id
        self.message_name = message_name
        self.sha256 = sha256
