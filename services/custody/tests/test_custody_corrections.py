"""What people have put right of a payment, as payment-instruction asks for it."""

from __future__ import annotations

from typing import Any

from ringfence_protos.custody.v1 import custody_pb2 as pb

from .conftest import Custody
from .ledger import MANDATE, Row, id_of
from .test_custody_service import PLATFORM, open_accounts, send


async def test_corrections_of_a_payment_are_told_alone(custody: Custody) -> None:
    """By purpose and mandate, in order; whatever else names the payment is none."""
    await open_accounts(custody)
    rows = [
        Row("right", "alice", "bank", 5, code=14),
        Row("moved", "alice", "bob", 5),
        Row("other", "bank", "alice", 5, code=14, user_data_128=b"payment no. 0002"),
        Row("again", "bank", "alice", 4, code=14),
    ]
    assert await send(custody, *rows) == ["created"] * 4
    await custody.project()
    request = pb.LookUpCorrectionsRequest(book_id=PLATFORM, instruction_id=MANDATE)
    found: Any = await custody.call("LookUpCorrections", request, None)
    assert [each.id for each in found.corrections] == [id_of("right"), id_of("again")]
