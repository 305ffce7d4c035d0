"""Real files of banks, and writers of own ones."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

NAMES = {
    "052": ("BkToCstmrAcctRpt", "Rpt"),
    "053": ("BkToCstmrStmt", "Stmt"),
    "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}


@pytest.fixture(scope="session")
def data(foreign_data: Callable[[str], Path]) -> Path:
    """The real files."""
    return foreign_data("")


def own_camt(
    entries: Iterable[str] = (),
    *,
    message: str = "053",
    version: str = "08",
    heading: str = "",
    balances: str = "",
    account: str = "<Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy>",
) -> bytes:
    """Returns a camt message of one telling, written for these tests."""
    body, telling = NAMES[message]
    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{message}.001.{version}"><{body}>'
        f"<GrpHdr><MsgId>M-1</MsgId><CreDtTm>2026-11-28T10:00:00Z</CreDtTm></GrpHdr>"
        f"<{telling}><Id>S-1</Id>{heading}<Acct>{account}</Acct>{balances}{''.join(entries)}</{telling}>"
        f"</{body}></Document>"
    ).encode()


def own_entry(
    amount: str = "10.00", inner: str = "", *, currency: str = "EUR", direction: str = "CRDT", after: str = ""
) -> str:
    """Returns one Ntry; `inner` stands behind its dates, `after` behind its direction."""
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>{after}<Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>2026-11-27</Dt></BookgDt><ValDt><Dt>2026-11-28</Dt></ValDt>{inner}</Ntry>"
    )


@pytest.fixture(scope="session")
def camt() -> Callable[..., bytes]:
    """The writer of own messages."""
    return own_camt


@pytest.fixture(scope="session")
def ntry() -> Callable[..., str]:
    """The writer of own entries."""
    return own_entry
