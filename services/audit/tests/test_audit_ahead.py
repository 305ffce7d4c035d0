"""What is proven is read while its read is being recorded, and answered after that all the same."""

from __future__ import annotations

from threading import Event
from typing import Any
from unittest.mock import Mock

import pytest
from ringfence_audit.index.application.answering import Answering
from ringfence_audit.log.application.commands import LogStanding
from ringfence_audit.log.application.queries import Queries
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.errors import StoreUnavailable
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import verify_receipt

from .conftest import Audit
from .feeds import SourceFeed, accounts_created, identifier, transfers_created

CONTEXT: Any = None


@pytest.fixture
async def filled(audit: Audit, custody: SourceFeed) -> Audit:
    """Two accounts and two transfers, signed and indexed."""
    custody.add("AccountsCreated.v1", accounts_created("alice", "bob", owners=("owner-a", "owner-b")))
    custody.add("TransfersCreated.v1", transfers_created("t0", "t1"))
    await audit.follow(custody)
    await audit.publish()
    return audit


ALICE = identifier("alice")
AHEAD = {
    "receipt": (Queries, "receipt", "GetReceipt", audit_pb2.GetReceiptRequest(leaf_index=2)),
    "answer": (Answering, "answer", "GetAnswer", audit_pb2.GetAnswerRequest(subject_id=ALICE)),
}


@pytest.mark.parametrize("what", AHEAD)
async def test_what_is_proven_is_read_while_its_read_is_recorded(
    filled: Audit, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """It is answered after that all the same, and not at all where that fails."""
    reader, name, method, request = AHEAD[what]
    was_read, append, read = Event(), EventStore.append, getattr(reader, name)

    def noted(*asked: Any) -> Any:
        was_read.set()
        return read(*asked)

    def after_it(*given: Any, **more: Any) -> Any:
        assert was_read.wait(60)
        return append(*given, **more)

    monkeypatch.setattr(reader, name, noted)
    monkeypatch.setattr(EventStore, "append", after_it)
    size = filled.log.frontier.size
    assert await getattr(filled.servicer, method)(request, CONTEXT)
    assert filled.log.frontier.size == size + 1
    monkeypatch.setattr(EventStore, "append", Mock(side_effect=StoreUnavailable))
    with pytest.raises(StoreUnavailable):
        await getattr(filled.servicer, method)(request, CONTEXT)


async def test_a_receipt_that_was_read_too_early_is_read_again(filled: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is under the checkpoint that stood when its read was recorded, also of a leaf that had none before."""
    early = filled.log.position()
    await filled.servicer.GetReceipt(audit_pb2.GetReceiptRequest(leaf_index=2), CONTEXT)
    await filled.publish()
    monkeypatch.setattr(LogStanding, "expected", lambda standing: early)
    for index in (2, early.size):
        answer = await filled.servicer.GetReceipt(audit_pb2.GetReceiptRequest(leaf_index=index), CONTEXT)
        assert (
            verify_receipt(answer.proof, filled.signer.key.text()).checkpoint.size
            == filled.log.position().signed_head().size
        )


async def test_a_read_that_came_to_nothing_before_it_was_recorded_is_made_again(
    filled: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was wrong: it may have looked for what is not committed."""
    receipt, outcomes = Queries.receipt, iter([KeyError(7), None])

    def read(queries: Queries, *asked: Any) -> tuple[bytes, str]:
        if (outcome := next(outcomes)) is not None:
            raise outcome
        return receipt(queries, *asked)

    monkeypatch.setattr(Queries, "receipt", read)
    answer = await filled.servicer.GetReceipt(audit_pb2.GetReceiptRequest(leaf_index=2), CONTEXT)
    assert verify_receipt(answer.proof, filled.signer.key.text()).index == 2
    assert next(outcomes, "none") == "none"
