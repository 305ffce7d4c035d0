"""Operators' decisions through the servicer, on PostgreSQL: the life cycle of accounts, and rules of a book."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

import pytest
from ringfence_custody.ledger.adapters.identity_feed import CURSOR, PrincipalActivated, PrincipalSuspended, facts_of
from ringfence_custody.ledger.domain.errors import (
    AccountNotFound,
    AccountTransitionRefused,
    BookNotFound,
    RulesBelowMinimum,
    RulesVersionTaken,
)
from ringfence_custody.ledger.domain.events import AccountStatusChanged, RulesAdopted, TransfersCreated
from ringfence_kernel.access.caller import Caller
from ringfence_kernel.proposals.application import Decision, Verdict
from ringfence_kernel.proposals.domain.errors import ProposalVoid
from ringfence_kernel.proposals.domain.events import ProposalConfirmed
from ringfence_kernel.store import EventStore, Head, StoredEvent, save_cursor
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.custody.v1 import custody_pb2 as pb

from .conftest import CODEC, OPERATOR, SECOND_OPERATOR, Custody, running
from .ledger import Row, id_of
from .test_custody_service import OTHER, PLATFORM, account, learn, open_accounts, send

ACTIVE, RESTRICTED, DORMANT = pb.ACCOUNT_STATUS_ACTIVE, pb.ACCOUNT_STATUS_RESTRICTED, pb.ACCOUNT_STATUS_DORMANT
CLIENT, BANK, SUSPENSE = pb.ACCOUNT_CLASS_CLIENT, pb.ACCOUNT_CLASS_BANK_MIRROR, pb.ACCOUNT_CLASS_SUSPENSE


def status_request(status: Any, *names: str, book: bytes = PLATFORM, reason: str = "case 4711") -> Any:
    """Returns a request to move accounts."""
    return pb.SetAccountStatusRequest(
        book_id=book, account_ids=[id_of(name) for name in names], status=status, reason=reason
    )


def purpose(code: int, *pairs: tuple[Any, Any], mandate: bool = True, maximum: int = 0) -> pb.PurposeRule:
    """Returns a rule of one purpose."""
    return pb.PurposeRule(
        code=code,
        pairs=[pb.ClassPair(debit_class=debit, credit_class=credit) for debit, credit in pairs],
        mandate_required=mandate,
        maximum_minor=maximum,
    )


ARRIVALS = purpose(1, (BANK, SUSPENSE), (BANK, CLIENT))
SMALL_PAYMENTS = purpose(3, (CLIENT, CLIENT), maximum=10)


async def proposed(custody: Custody, *rules: pb.PurposeRule, version: str = "2026-01", book: bytes = PLATFORM) -> bytes:
    """Proposes rules as one operator; returns the proposal."""
    request = pb.AdoptRulesRequest(book_id=book, version=version, purposes=rules)
    reply: Any = await custody.call("AdoptRules", request, None)
    proposal: bytes = reply.proposal_id
    return proposal


async def adopt(custody: Custody, *rules: pb.PurposeRule, version: str = "2026-01", book: bytes = PLATFORM) -> pb.Rules:
    """Puts rules in force as two operators."""
    proposal = await proposed(custody, *rules, version=version, book=book)
    if proposal:
        await custody.confirm(proposal)
    shown: Any = await custody.call("GetRules", pb.GetRulesRequest(), book)
    rules_now: pb.Rules = shown.rules
    return rules_now


def events_of(custody: Custody, kind: type[Any]) -> Sequence[Any]:
    """Returns the committed events of a type."""
    return [each.event for each in custody.store.replay(CODEC) if isinstance(each.event, kind)]


async def test_a_decision_moves_accounts_and_keeps_its_reason(
    custody: Custody, stores: Callable[[], EventStore]
) -> None:
    """Accounts change state together, the event says who and why, and a restart knows it."""
    await open_accounts(custody)
    reply: Any = await custody.call("SetAccountStatus", status_request(RESTRICTED, "alice", "bob"), None)
    assert list(reply.status) == [RESTRICTED, RESTRICTED]
    assert await send(custody, Row("a", "alice", "bob", 1)) == ["debit_account_not_active"]
    await custody.call("SetAccountStatus", status_request(RESTRICTED, "bob", "alice"), None)
    events = events_of(custody, AccountStatusChanged)[1:]  # the first is of the mirror's letter
    assert [(each.reason, each.decided_by) for each in events] == [("case 4711", bytes(15) + b"\x07")] * 2
    async with running(stores) as again:
        assert again.state.digest() == custody.state.digest()
        await learn(again, PLATFORM, "EXPIRED", position=2)
        await learn(again, PLATFORM, "VERIFIED", position=3)
        assert (await account(again, "alice")).status == RESTRICTED


async def test_a_refused_decision_names_account_and_transition(custody: Custody) -> None:
    """The metadata says which account, from where, to where, and why; no account has moved."""
    await open_accounts(custody)
    await custody.call("SetAccountStatus", status_request(DORMANT, "bob"), None)
    with pytest.raises(AccountTransitionRefused) as refused:
        await custody.call("SetAccountStatus", status_request(RESTRICTED, "alice", "bob"), None)
    assert refused.value.metadata["because"] == "no_such_transition"
    assert refused.value.metadata["account"].replace("-", "") == id_of("bob").hex()
    assert (await account(custody, "alice")).status == ACTIVE


async def test_only_accounts_of_the_named_book_are_decided_on(custody: Custody) -> None:
    """An account of another book is as unknown as one that does not exist; a tenant cannot name another's book."""
    await open_accounts(custody)
    await open_accounts(custody, OTHER, ("eve",))
    before = events_of(custody, AccountStatusChanged)
    for name in ("eve", "nobody"):
        with pytest.raises(AccountNotFound):
            await custody.call("SetAccountStatus", status_request(DORMANT, "alice", name), None)
    with pytest.raises(BookNotFound):
        await custody.call("SetAccountStatus", status_request(DORMANT, "eve", book=OTHER), PLATFORM)
    assert events_of(custody, AccountStatusChanged) == before


MALFORMED = [
    ("SetAccountStatus", status_request(pb.ACCOUNT_STATUS_FROZEN, "alice")),
    ("SetAccountStatus", status_request(pb.ACCOUNT_STATUS_REJECTED, "alice")),
    ("SetAccountStatus", status_request(99, "alice")),
    ("SetAccountStatus", status_request(DORMANT)),
    ("SetAccountStatus", status_request(DORMANT, "alice", reason="")),
    ("SetAccountStatus", status_request(DORMANT, "alice", reason="x" * 141)),
    ("AdoptRules", pb.AdoptRulesRequest(book_id=PLATFORM, version="v", purposes=[])),
    ("AdoptRules", pb.AdoptRulesRequest(book_id=PLATFORM, version="", purposes=[ARRIVALS])),
    ("AdoptRules", pb.AdoptRulesRequest(book_id=PLATFORM, version="a\nb", purposes=[ARRIVALS])),
    ("AdoptRules", pb.AdoptRulesRequest(book_id=PLATFORM, version="v", purposes=[ARRIVALS, ARRIVALS])),
    ("AdoptRules", pb.AdoptRulesRequest(book_id=PLATFORM, version="v", purposes=[purpose(1)])),
    (
        "AdoptRules",
        pb.AdoptRulesRequest(book_id=PLATFORM, version="v", purposes=[purpose(3, (CLIENT, CLIENT), maximum=2**63)]),
    ),
    ("AdoptRules", pb.AdoptRulesRequest(version="v", purposes=[ARRIVALS])),
]


@pytest.mark.parametrize(("method", "request_"), MALFORMED, ids=range(len(MALFORMED)))
async def test_malformed_decisions_are_refused(custody: Custody, method: str, request_: Any) -> None:
    """States that no decision brings about, and fields out of bounds, are invalid arguments."""
    with pytest.raises(InvalidArgument):
        await custody.call(method, request_, None)


async def test_a_book_shows_its_rules(custody: Custody) -> None:
    """A book without rules of its own shows the minimum; adopted rules are shown as text with its hash."""
    least: Any = await custody.call("GetRules", pb.GetRulesRequest(), PLATFORM)
    assert (least.rules.version, len(least.rules.purposes)) == ("minimum", 16)
    adopted = await adopt(custody, SMALL_PAYMENTS, ARRIVALS)
    shown: Any = await custody.call("GetRules", pb.GetRulesRequest(), PLATFORM)
    assert shown.rules == adopted
    assert [each.code for each in adopted.purposes] == [1, 3]
    assert adopted.sha256 == sha256(adopted.document.encode()).digest()
    assert adopted.purposes[1] == SMALL_PAYMENTS
    other: Any = await custody.call("GetRules", pb.GetRulesRequest(), OTHER)
    assert other.rules == least.rules
    with pytest.raises(BookNotFound):
        await custody.call("GetRules", pb.GetRulesRequest(book_id=PLATFORM), OTHER)


async def test_rules_shown_can_be_adopted(custody: Custody) -> None:
    """What GetRules answers is what AdoptRules takes: the way back to the minimum."""
    least: Any = await custody.call("GetRules", pb.GetRulesRequest(), PLATFORM)
    await adopt(custody, ARRIVALS)
    assert await adopt(custody, *least.rules.purposes, version="minimum") == least.rules


async def test_one_operator_does_not_loosen_a_book(custody: Custody, stores: Callable[[], EventStore]) -> None:
    """A strict book stays strict until a second operator confirms, also after a restart, and the minimum is no way."""
    await open_accounts(custody)
    least: Any = await custody.call("GetRules", pb.GetRulesRequest(), PLATFORM)
    await adopt(custody, ARRIVALS, SMALL_PAYMENTS)
    back = await proposed(custody, *least.rules.purposes, version="minimum")
    decision = Decision(back, Verdict.CONFIRM)
    assert await custody.proposals.decide([decision], OPERATOR) == ["SECOND_PERSON_REQUIRED"]
    assert await proposed(custody, *least.rules.purposes, version="minimum") == back
    assert await send(custody, Row("a", "alice", "bob", 11)) == ["exceeds_purpose_maximum"]
    [waiting], _ = await custody.proposals.waiting(SECOND_OPERATOR, b"", 0, 10)
    assert "version minimum" in waiting.description
    async with running(stores) as again:
        assert again.whole.digest() == custody.whole.digest()
        assert await again.proposals.decide([decision], SECOND_OPERATOR) == [""]
        assert await send(again, Row("b", "alice", "bob", 11)) == ["created"]


@pytest.mark.parametrize("suspended", [OPERATOR, SECOND_OPERATOR])
async def test_whoever_identity_suspends_adopts_nothing(custody: Custody, suspended: Caller) -> None:
    """What a suspended operator proposed is void for good, and one with a living token confirms nothing."""
    proposal = await proposed(custody, ARRIVALS)
    await actor(custody, PrincipalSuspended(suspended.subject), 1)
    decision = Decision(proposal, Verdict.CONFIRM)
    refusal = "PROPOSAL_VOID" if suspended is OPERATOR else "SECOND_PERSON_REQUIRED"
    assert await custody.proposals.decide([decision], SECOND_OPERATOR) == [refusal]
    assert not events_of(custody, RulesAdopted)
    await actor(custody, PrincipalActivated(suspended.subject), 2)
    reason = "PROPOSAL_VOID" if suspended is OPERATOR else ""
    assert await custody.proposals.decide([decision], SECOND_OPERATOR) == [reason]


async def actor(custody: Custody, event: PrincipalSuspended | PrincipalActivated, position: int) -> None:
    """Takes in what identity says of a principal."""
    topic, state = EventCodec([type(event)]).encode(event, 1)
    stored = StoredEvent(position, event.principal, 1, topic, state, bytes(32))
    cursor = Head(1, position, bytes(32))
    await custody.commands.note_identity(facts_of([stored]), lambda connection: save_cursor(connection, CURSOR, cursor))


async def test_rules_that_were_adopted_meanwhile_void_a_proposal(custody: Custody) -> None:
    """Of two proposals about one book the second is void once the first is confirmed, also where it says the same."""
    first, second = await proposed(custody, ARRIVALS), await proposed(custody, ARRIVALS, SMALL_PAYMENTS, version="v2")
    await custody.confirm(first)
    with pytest.raises(ProposalVoid):
        await custody.confirm(second)


async def test_rules_hold_from_the_next_decision_on(custody: Custody, stores: Callable[[], EventStore]) -> None:
    """Transfers of the same group before and after the adoption are decided by the old and the new rules."""
    await open_accounts(custody)
    proposal = await proposed(custody, ARRIVALS, SMALL_PAYMENTS)
    before, _, after = await asyncio.gather(
        send(custody, Row("a", "alice", "bob", 11)),
        custody.confirm(proposal),
        send(custody, Row("b", "alice", "bob", 11), Row("c", "alice", "bob", 10)),
    )
    assert (before, after) == (["created"], ["exceeds_purpose_maximum", "created"])
    kinds = [type(each.event) for each in custody.store.replay(CODEC)]
    assert kinds[-4:] == [TransfersCreated, RulesAdopted, ProposalConfirmed, TransfersCreated]
    async with running(stores) as again:
        assert again.state.digest() == custody.state.digest()
        assert await send(again, Row("d", "alice", "bob", 11)) == ["exceeds_purpose_maximum"]


async def test_refused_rules_leave_no_trace(custody: Custody) -> None:
    """Rules below the minimum, or under a version that stood for others, leave the book as it was."""
    await adopt(custody, ARRIVALS)
    position = custody.writer.head.position
    for rules, version, error in (
        ([ARRIVALS, purpose(3, (CLIENT, BANK))], "v2", RulesBelowMinimum),
        ([ARRIVALS, SMALL_PAYMENTS], "2026-01", RulesVersionTaken),
    ):
        with pytest.raises(error):
            await adopt(custody, *rules, version=version)
    await adopt(custody, ARRIVALS)
    assert custody.writer.head.position == position
