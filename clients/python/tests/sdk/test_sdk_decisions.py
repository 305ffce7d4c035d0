"""An operator's decisions over real gRPC: the life cycle of accounts, and rules of a book."""

from uuid import UUID

from ringfence import new_id
from ringfence.ledger import AccountClass, AccountsMoved, AccountStatus, Purpose
from ringfence.proposals import Verdict
from ringfence.rules import PurposeRule, Rules

from .conftest import Fakes

C = AccountClass
ARRIVALS = PurposeRule(Purpose.DEPOSIT, frozenset({(C.BANK_MIRROR, C.SUSPENSE), (C.BANK_MIRROR, C.CLIENT)}))
GRANTS = PurposeRule(Purpose.PLATFORM_GRANT, frozenset({(C.PLATFORM, C.CLIENT)}), False, 10_000)


def test_accounts_are_moved_along_their_life_cycle(fakes: Fakes) -> None:
    """The request names book, accounts, state and reason, and the answer is a state per account."""
    book, accounts = new_id(), [new_id(), new_id()]
    answer = fakes.client.custody.set_account_status(book, accounts, AccountStatus.DORMANT, reason="case 1")
    assert answer == AccountsMoved([AccountStatus.DORMANT] * 2, None)
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


def test_proposals_are_read_page_by_page(fakes: Fakes) -> None:
    """What waits comes in order from every service that has acts of two people, of one platform where it is named."""
    platform = new_id()
    assert list(fakes.client.proposals) == ["identity", "custody", "payment-instruction"]
    for of in fakes.client.proposals.values():
        assert [each.id.bytes[0] for each in of.waiting(platform)] == [1, 2, 3]
    assert {each.tenant_id for each in fakes.waiting.requests} == {platform.bytes}


def test_decision_on_proposals_answers_a_reason_each(fakes: Fakes) -> None:
    """The verdict and its note go with every id, and what is not decided is told by its reason."""
    known, unknown = UUID(bytes=b"\1" * 16), new_id()
    answer = fakes.client.proposals["custody"].decide([known, unknown], Verdict.REFUSE, "not agreed")
    assert answer == ["", "PROPOSAL_NOT_FOUND"]
    (request,) = fakes.waiting.requests
    assert [(each.proposal_id, each.verdict, each.note) for each in request.decisions] == [
        (known.bytes, 2, "not agreed"),
        (unknown.bytes, 2, "not agreed"),
    ]


def test_proposals_are_decided_by_verdict(fakes: Fakes) -> None:
    """Each method says what becomes of all that it names, and the answer is a result for each."""
    proposals, known, unknown = fakes.client.proposals["identity"], UUID(bytes=b"\1" * 16), new_id()
    for decide in (proposals.confirm, proposals.refuse, proposals.withdraw):
        assert [each.reason for each in decide([known, unknown], "why")] == ["", "PROPOSAL_NOT_FOUND"]
    verdicts = [[each.verdict for each in request.decisions] for request in fakes.waiting.requests]
    assert verdicts == [[1, 1], [2, 2], [3, 3]]
