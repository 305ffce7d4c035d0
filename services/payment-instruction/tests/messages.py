"""Messages written for these tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ringfence_payment_instruction.deposits.domain.evidence import BankEntry
from ringfence_payment_instruction.statements.domain.statement import (
    Account,
    Detail,
    Entry,
    Heading,
    Kind,
    Party,
    Statement,
    StatementFile,
)
from ringfence_payment_instruction.statements.domain.told import EPOCH

PAIN_001 = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"><CstmrCdtTrfInitn>
<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>2026-01-05T09:00:00Z</CreDtTm><NbOfTxs>{count}</NbOfTxs>
<InitgPty><Nm>Platform</Nm></InitgPty></GrpHdr>
<PmtInf><PmtInfId>P1</PmtInfId><PmtMtd>{method}</PmtMtd><ReqdExctnDt>{day}</ReqdExctnDt>
<Dbtr><Nm>Anna Example</Nm></Dbtr>
<DbtrAcct><Id><IBAN>{debtor}</IBAN></Id></DbtrAcct><DbtrAgt><FinInstnId><BIC>COBADEFFXXX</BIC></FinInstnId></DbtrAgt>
{transactions}</PmtInf></CstmrCdtTrfInitn></Document>"""

TRANSACTION = """<CdtTrfTxInf><PmtId><EndToEndId>{end_to_end_id}</EndToEndId></PmtId>
<Amt><InstdAmt Ccy="EUR">{amount}</InstdAmt></Amt><Cdtr><Nm>{name}</Nm></Cdtr>
<CdtrAcct><Id><IBAN>{creditor}</IBAN></Id></CdtrAcct></CdtTrfTxInf>"""

CAMT_054 = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn>
<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>2026-01-05T09:00:00Z</CreDtTm></GrpHdr>
<Ntfctn><Id>N1</Id><CreDtTm>2026-01-05T09:00:00Z</CreDtTm><Acct><Id><IBAN>{account}</IBAN></Id></Acct>
{entries}</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"""

ENTRY = """<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>
<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-01-05</Dt></BookgDt><ValDt><Dt>2026-01-06</Dt></ValDt>
<AcctSvcrRef>{reference}</AcctSvcrRef>
<BkTxCd><Prtry><Cd>X</Cd></Prtry></BkTxCd><NtryDtls><TxDtls><Refs>{refs}</Refs>
<RltdPties><Dbtr><Pty><Nm>{payer}</Nm></Pty></Dbtr>{creditor}</RltdPties></TxDtls></NtryDtls></Ntry>"""


def pain_001(
    message_id: str,
    debtor: str,
    *payments: tuple[str, str, str],
    day: str = "2026-01-05",
    method: str = "TRF",
    count: int | None = None,
) -> bytes:
    """Returns a file of payments: (end-to-end id, amount, creditor's IBAN)."""
    transactions = "".join(
        TRANSACTION.format(end_to_end_id=reference, amount=amount, creditor=creditor, name="Boris Example")
        for reference, amount, creditor in payments
    )
    text = PAIN_001.format(
        message_id=message_id,
        count=len(payments) if count is None else count,
        day=day,
        debtor=debtor,
        method=method,
        transactions=transactions,
    )
    return text.encode()


def entry(
    reference: str,
    amount: str,
    creditor: str = "",
    *,
    direction: str = "CRDT",
    payer: str = "Some Payer",
    holder: str = "",
    transaction_id: str = "",
) -> str:
    """Returns an entry of a notification."""
    name = f"<Cdtr><Pty><Nm>{holder}</Nm></Pty></Cdtr>" if holder else ""
    account = f"{name}<CdtrAcct><Id><IBAN>{creditor}</IBAN></Id></CdtrAcct>" if creditor else ""
    refs = f"<TxId>{transaction_id}</TxId>" if transaction_id else "<EndToEndId>E</EndToEndId>"
    return ENTRY.format(
        reference=reference, amount=amount, direction=direction, payer=payer, creditor=account, refs=refs
    )


def camt_054(message_id: str, account: str, *entries: str) -> bytes:
    """Returns a notification about one account."""
    return CAMT_054.format(message_id=message_id, account=account, entries="".join(entries)).encode()


def notification(account: str, digest: bytes, entries: Sequence[BankEntry]) -> StatementFile:
    """Returns a file of news with these entries, each of one transaction."""
    heading = Heading(Kind.NOTIFICATION, "camt.054.001.08", "M", "N", Account(account), "EUR")
    return StatementFile(digest, (Statement(heading, tuple(_entry(each) for each in entries)),))


def _entry(entry: BankEntry) -> Entry:
    parties = (
        Party("Dbtr", entry.debtor_name, Account(entry.debtor_iban)),
        Party("Cdtr", entry.creditor_name, Account(entry.creditor_iban)),
        *(Party(role, name) for role, name in entry.parties),
    )
    day = EPOCH + timedelta(days=entry.value_day)
    detail = Detail(transaction_id=entry.transaction_id, parties=parties, remittance=entry.remittance)
    return Entry(
        entry.amount_minor, entry.currency, entry.credit_debit, entry.reversal, entry.status, day, day, "",
        entry.reference, 1, (detail,),
    )  # fmt: skip
