"""Reading camt.054 (BankToCustomerDebitCreditNotification): movements on an account at the bank."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ringfence_payment_instruction.iso20022.document import MAX_FILE_BYTES, open_message
from ringfence_payment_instruction.iso20022.elements import MAX_TEXT_LENGTH, Node
from ringfence_payment_instruction.iso20022.messages import Entry, NamedParty, Notification, NotificationFile

NOTIFICATIONS = frozenset(f"camt.054.001.{version}" for version in ("02", "04", "08"))
_DIRECTIONS = ("CRDT", "DBIT")
_PARTIES = ("Dbtr", "Cdtr")
_OTHER_PARTIES = ("InitgPty", "UltmtDbtr", "UltmtCdtr", "TradgPty")
_AGENTS = (
    "InstgAgt", "InstdAgt", "DbtrAgt", "CdtrAgt", "IntrmyAgt1", "IntrmyAgt2", "IntrmyAgt3", "RcvgAgt", "DlvrgAgt",
    "IssgAgt",
)  # fmt: skip


def read_notification_file(content: bytes, max_bytes: int = MAX_FILE_BYTES) -> NotificationFile:
    """Returns the movements of a camt.054; raises FileRefused, and nothing else."""
    message = open_message(content, NOTIFICATIONS, max_bytes)
    with message.identified():
        body = Node.body_of(message, "BkToCstmrDbtCdtNtfctn")
        return NotificationFile(
            message_id=body.required_text("GrpHdr", "MsgId"),
            message_name=message.name,
            sha256=message.sha256,
            notifications=tuple(_notification(node) for node in body.all("Ntfctn")),
        )


def _notification(node: Node) -> Notification:
    notification_id = node.required_text("Id")
    account = node.only("Acct")
    entries = (
        entry
        for number, element in enumerate(node.all("Ntry"), start=1)
        for entry in _entries(element, f"{notification_id}/{number}")
    )
    return Notification(
        notification_id=notification_id,
        account_iban=account.iban(),
        account_other=account.text("Id", "Othr", "Id"),
        entries=tuple(_with_distinct_references(entries)),
    )


def _entries(node: Node, fallback_reference: str) -> Iterator[Entry]:
    """Yields the movement, or one per transaction of a batch whose details account for all of it."""
    details = [transaction for group in node.all("NtryDtls") for transaction in group.all("TxDtls")]
    entry = _entry(node, fallback_reference)
    if len(details) == 1:
        yield _with_details(entry, details[0])
        return
    shares = _shares(entry, details)
    if not shares:
        named = [party for detail in details for party in _named(detail, (*_PARTIES, *_OTHER_PARTIES))]
        yield replace(entry, parties=tuple(dict.fromkeys(named)))
    for number, (detail, share) in enumerate(zip(details, shares, strict=False), start=1):
        part = replace(entry, reference=f"{entry.reference}/{number}", amount_minor=share)
        yield _with_details(part, detail)


def _entry(node: Node, fallback_reference: str) -> Entry:
    amount_minor, currency = node.amount("Amt")
    credit_debit = node.required_text("CdtDbtInd")
    if credit_debit not in _DIRECTIONS:
        raise node.invalid("CdtDbtInd is neither CRDT nor DBIT")
    status = node.only("Sts")
    entry_reference = node.text("NtryRef")
    return Entry(
        reference=node.text("AcctSvcrRef") or "/".join(filter(None, (fallback_reference, entry_reference))),
        amount_minor=amount_minor,
        currency=currency,
        credit_debit=credit_debit,
        reversal=node.text("RvslInd") in ("true", "1"),
        booking_date=node.date("BookgDt"),
        value_date=node.date("ValDt"),
        status=status.code("Cd") or status.required_text("Prtry") if len(status.element) else node.required_text("Sts"),
    )


def _with_details(entry: Entry, details: Node) -> Entry:
    return replace(
        entry,
        end_to_end_id=details.text("Refs", "EndToEndId"),
        transaction_id=details.text("Refs", "TxId"),
        debtor_name=_name(details, "Dbtr"),
        debtor_iban=details.iban("RltdPties", "DbtrAcct"),
        creditor_name=_name(details, "Cdtr"),
        creditor_iban=details.iban("RltdPties", "CdtrAcct"),
        remittance=_remittance(details.maybe("RmtInf")),
        parties=tuple(_named(details, _OTHER_PARTIES)),
    )


def _shares(entry: Entry, details: Sequence[Node]) -> list[int]:
    """Returns the details' amounts if they are of the entry's kind and add up to it, else nothing."""
    amounts = []
    for detail in details:
        node = detail if detail.maybe("Amt") else detail.maybe("AmtDtls", "TxAmt")
        if node is None or detail.text("CdtDbtInd") not in (None, entry.credit_debit):
            return []
        amount_minor, currency = node.amount("Amt")
        if currency != entry.currency:
            return []
        amounts.append(amount_minor)
    return amounts if sum(amounts) == entry.amount_minor else []


def _name(details: Node, role: str) -> str | None:
    """Returns a party's name, which stands inside Pty from .08 on."""
    party = details.maybe("RltdPties", role)
    if party is None:
        return None
    return (party.maybe("Pty") or party).text("Nm", length=MAX_TEXT_LENGTH)


def _named(details: Node, roles: Sequence[str]) -> Iterator[NamedParty]:
    """Yields who is named as one of these parties, or as an agent."""
    for role in roles:
        if name := _name(details, role):
            yield role, name
    for role in _AGENTS:
        agent = details.maybe("RltdAgts", role, "FinInstnId")
        name = agent.text("Nm", length=MAX_TEXT_LENGTH) if agent else None
        if name:
            yield role, name


def _remittance(node: Node | None) -> str | None:
    """Returns the unstructured lines in one, or else the first structured creditor reference (ISO 11649)."""
    if node is None:
        return None
    lines = [line.element.text for line in node.all("Ustrd") if line.element.text]
    if lines:
        return " ".join(lines)
    return next((text for item in node.all("Strd") if (text := item.text("CdtrRefInf", "Ref"))), None)


def _with_distinct_references(entries: Iterator[Entry]) -> Iterator[Entry]:
    """Numbers the repetitions of a reference, so that no movement is taken for a repetition of another."""
    taken: dict[str, int] = {}
    for entry in entries:
        reference = entry.reference
        while reference in taken:
            taken[entry.reference] += 1
            reference = f"{entry.reference}#{taken[entry.reference]}"
        taken[reference] = 1
        yield replace(entry, reference=reference) if reference != entry.reference else entry
