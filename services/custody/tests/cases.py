"""What the tests of the published reference start from: a funded book, and transfers to vary."""

from __future__ import annotations

from dataclasses import replace

from ringfence_custody.domain.statuses import AMOUNT_MAX, TransferFlag

from .ledger import CZK, Ledger, Row

F = TransferFlag
MAX = 2**63 - 1


def funded_ledger() -> Ledger:
    """Returns a book of two clients with 1,000 each, one with nothing, one in another currency, and one reservation."""
    ledger = Ledger()
    for name in ("alice", "bob", "carol"):
        ledger.account(name)
    ledger.account("karel", ledger=CZK)
    ledger.fund("alice", 1_000)
    ledger.fund("bob", 1_000)
    assert ledger.send(Row("reserved", "alice", "bob", 300, F.PENDING, timeout=60)) == ["created"]
    assert ledger.send(Row("plain", "alice", "bob", 10)) == ["created"]
    return ledger


PAY = Row("new", "alice", "bob", 100)
RESERVE = replace(PAY, flags=F.PENDING)
POST = Row("new", flags=F.POST_PENDING_TRANSFER, pending_id="reserved", amount=AMOUNT_MAX, code=0, ledger=0)
VOID = replace(POST, flags=F.VOID_PENDING_TRANSFER, amount=0)
