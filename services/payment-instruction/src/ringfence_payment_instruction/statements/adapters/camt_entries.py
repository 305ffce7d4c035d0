"""Entries of a camt message, and the transactions inside them."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence_payment_instruction.iso20022.elements import MAX_TEXT_LENGTH, Node
from ringfence_payment_instruction.statements.adapters import camt_values as values
from ringfence_payment_instruction.statements.domain.references import normalised
from ringfence_payment_instruction.statements.domain.statement import Detail, Entry, Party, Return

MAX_REMITTANCE_LENGTH = 1_000
MAX_NOTE_LENGTH = 500
_PARTIES = ("InitgPty", "Dbtr", "UltmtDbtr", "Cdtr", "UltmtCdtr", "TradgPty")
_AGENTS = (
    "InstgAgt", "InstdAgt", "DbtrAgt", "CdtrAgt", "IntrmyAgt1", "IntrmyAgt2", "IntrmyAgt3", "RcvgAgt", "DlvrgAgt",
    "IssgAgt",
)  # fmt: skip
_ACCOUNTS = {"Dbtr": "DbtrAcct", "Cdtr": "CdtrAcct"}
_OTHER_REFERENCES = (
    "PmtInfId", "MndtId", "ChqNb", "ClrSysRef", "AcctOwnrTxId", "AcctSvcrTxId", "MktInfrstrctrTxId", "PrcgId", "RtrId",
)  # fmt: skip
_OTHER_NAMES = frozenset(_OTHER_REFERENCES)


def entry(node: Node) -> Entry:
    """Returns one Ntry; raises FileRefused."""
    amount_minor, currency = values.amount(node)
    groups = list(node.all("NtryDtls"))
    direction = values.direction(node)
    details = tuple(
        _detail(transaction, currency, direction) for group in groups for transaction in group.all("TxDtls")
    )
    return Entry(
        amount_minor=amount_minor,
        currency=currency,
        direction=direction,
        reversal=values.truth(node, "RvslInd"),
        status=_status(node.only("Sts")),
        booking_date=node.date("BookgDt"),
        value_date=node.date("ValDt"),
        entry_reference=node.text("NtryRef") or "",
        bank_reference=normalised(node.text("AcctSvcrRef")),
        transactions=_transactions(groups, len(details)),
        details=details,
        text=node.text("AddtlNtryInf", length=MAX_NOTE_LENGTH) or "",
    )


def _status(node: Node) -> str:
    """Returns the status, which is a text up to .02 and a choice from later versions on."""
    found = values.code_or_proprietary(node) if len(node.element) else (node.element.text or "").strip()
    if not found:
        raise node.invalid("no status")
    return found


def _transactions(groups: list[Node], details: int) -> int | None:
    """Returns how many transactions a batch says it has, or else how many stand there, None for none."""
    batches = [batch for group in groups if (batch := group.maybe("Btch"))]
    stated = [count for batch in batches if (count := values.number(batch, "NbOfTxs"))]
    if len(stated) == len(batches) and stated:
        return max(sum(stated), details)
    return details or None


def _detail(node: Node, currency: str, direction: str) -> Detail:
    references = node.maybe("Refs")
    said = references or node
    return Detail(
        amount_minor=_share(node, currency, direction),
        bank_reference=normalised(said.text("AcctSvcrRef")),
        transaction_id=normalised(said.text("TxId")),
        end_to_end_id=normalised(said.text("EndToEndId")),
        instruction_id=normalised(said.text("InstrId")),
        message_id=normalised(said.text("MsgId")),
        uetr=normalised(said.text("UETR", length=36)).lower(),
        others=tuple(_others(references)) if references else (),
        parties=tuple(_parties(node)),
        remittance=_remittance(node.maybe("RmtInf")),
        returned=_returned(node.maybe("RtrInf")),
    )


def _share(node: Node, currency: str, direction: str) -> int | None:
    """Returns a transaction's amount in the entry's currency, below zero against its direction; None without one.

    Up to .02 it stands in AmtDtls/TxAmt alone, and so do amounts that were asked for in another currency.
    """
    found = node if node.has("Amt") else node.maybe("AmtDtls", "TxAmt")
    if found is None or not found.has("Amt"):
        return None
    amount_minor, stated = values.amount(found)
    if stated != currency:
        return None
    against = node.has("CdtDbtInd") and values.direction(node) != direction
    return -amount_minor if against else amount_minor


def _others(references: Node) -> Iterator[tuple[str, str]]:
    for name in _OTHER_REFERENCES if references.has_any(_OTHER_NAMES) else ():
        if text := normalised(references.text(name)):
            yield name, text
    for each in references.all("Prtry"):
        kind = each.text("Tp", length=MAX_TEXT_LENGTH) or "Prtry"
        if text := normalised(each.text("Ref", length=MAX_TEXT_LENGTH)):
            yield kind, text


def _parties(node: Node) -> Iterator[Party]:
    """Yields everyone who is named or whose account is; names stand inside Pty from .08 on."""
    related, agents = node.maybe("RltdPties"), node.maybe("RltdAgts")
    for role in _PARTIES if related else ():
        assert related is not None
        party = related.maybe(role)
        account = related.maybe(_ACCOUNTS[role]) if role in _ACCOUNTS else None
        if party is None and account is None:
            continue
        name = (party.maybe("Pty") or party).text("Nm", length=MAX_TEXT_LENGTH) if party else None
        if name or account:
            yield Party(role, name or "", values.account(account))
    for role in _AGENTS if agents else ():
        assert agents is not None
        agent = agents.maybe(role, "FinInstnId")
        if agent and (name := agent.text("Nm", length=MAX_TEXT_LENGTH)):
            yield Party(role, name)


def _remittance(node: Node | None) -> str:
    """Returns the unstructured lines in one, or else the structured creditor references (ISO 11649)."""
    if node is None:
        return ""
    lines = [line.element.text for line in node.all("Ustrd") if line.element.text]
    lines = lines or [text for item in node.all("Strd") if (text := item.text("CdtrRefInf", "Ref"))]
    return " ".join(lines)[:MAX_REMITTANCE_LENGTH]


def _returned(node: Node | None) -> Return | None:
    if node is None:
        return None
    reason, originator = node.maybe("Rsn"), node.maybe("Orgtr")
    texts = [line.element.text for line in node.all("AddtlInf") if line.element.text]
    return Return(
        reason=values.code_or_proprietary(reason) if reason else "",
        originator=((originator.maybe("Pty") or originator).text("Nm", length=MAX_TEXT_LENGTH) or "")
        if originator
        else "",
        text=" ".join(texts)[:MAX_NOTE_LENGTH],
    )
