"""An operator's decisions over real gRPC: the life cycle of accounts, and rules of a book."""

from uuid import UUID

import pytest
from ringfence import new_id
from ringfence.ledger import AccountClass, AccountStatus, Purpose
from ringfence.rules import PurposeRule, Rules

from .conftest import Fakes

C = AccountClass
ARRIVALS = PurposeRule(Purpose.DEPOSIT, frozenset({(C.BANK_MIRROR, C.SUSPENSE), (C.BANK_MIRROR, C.CLIENT)}))
GRANTS = PurposeRule(Purpose.PLATFORM_GRANT, frozenset({(C.PLATFORM, C.CLIENT)}), False, 10_000)


def test_accounts_are_moved_along_their_life_cycle(fakes: Fakes) -> None:
    """The request names book, accounts, state and reason, and the answer is a state per account."""
    book, accounts = new_id(), [new_id(), new_id()]
    answer = fakes.client.custody.set_account_status(book, accounts, AccountStatus.DORMANT, reason="case 1")
    assert answer == [AccountStatus.DORMANT] * 2
    (request,) = fakes.ledger.requests
    assert (request.book_id, list(request.account_ids)) == (book.bytes, [each.bytes for each in accounts])
    assert request.reason == "case 1"


def test_rules_come_back_as_they_were_adopted(fakes: Fakes) -> None:
    """Purposes, pairs, mandates and bounds travel both ways; no bound is None here and 0 on the wire."""
    custody = fakes.client.custody
    assert custody.adopt_rules(new_id(), "v1", [ARRIVALS, GRANTS]) == UUID(bytes=b"p" * 16)
    assert custody.adopt_rules(new_id(), "v1", [ARRIVALS, GRANTS]) is None
    assert custody.rules() == Rules("v1", (ARRIVALS, GRANTS), "text", "00" * 32)
    assert [each.maximum_minor for each in fakes.ledger.requests[0].purposes] == [0, 10_000]


@pytest.mark.parametrize("service", ["identity", "custody", "payment-instruction"])
def test_what_waits_is_read_page_by_page(fakes: Fakes, service: str) -> None:
    """Every service with proposals shows all of them, with whom they concern."""
    tenant = new_id()
    found = list(fakes.client.proposals[service].waiting(tenant))
    assert [each.id for each in found] == [UUID(bytes=bytes([n] * 16)) for n in (1, 2, 3)]
    assert {each.tenant_id for each in found} == {tenant}
    assert next(fakes.client.proposals[service].waiting()).tenant_id is None
    assert found[0].proposer_person_id == UUID(bytes=b"b" * 16)


def test_proposals_are_decided_by_verdict(fakes: Fakes) -> None:
    """Each method says what becomes of all that it names, and the answer is a reason for each."""
    proposals, ids = fakes.client.proposals["identity"], [new_id(), new_id()]
    for verdict, decide in enumerate((proposals.confirm, proposals.refuse, proposals.withdraw), start=1):
        assert [each.reason for each in decide(ids, "why")] == ["", "PROPOSAL_VOID"]
        decisions = fakes.waiting.decided[-1].decisions
        assert [(each.proposal_id, each.verdict, each.note) for each in decisions] == [
            (each.bytes, verdict, "why") for each in ids
        ]
