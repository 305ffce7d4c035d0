"""An account that refuses money lets it through again by two people's word; whatever tightens takes one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from ringfence_custody.ledger.application.acts import Moving
from ringfence_custody.ledger.domain.errors import AccountTransitionRefused
from ringfence_custody.ledger.domain.lifecycle import BY_DECISION, AccountStatus
from ringfence_kernel.access.caller import Caller
from ringfence_kernel.proposals.application import Decision, Verdict
from ringfence_kernel.proposals.domain.errors import ProposalVoid, SecondPersonRequired
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing.writer import Unit
from ringfence_protos.custody.v1 import custody_pb2 as pb

from .conftest import OPERATOR, SECOND_OPERATOR, Custody, running
from .ledger import Row, id_of
from .test_custody_service import OTHER, PLATFORM, account, learn, open_accounts, send

S = AccountStatus
PAYS = {S.ACTIVE, S.CLOSING}
"""States of docs/ledger.md in which an account is debited."""
STEPS = [(before, after) for after, befores in BY_DECISION.items() for before in sorted(befores - {S.PENDING_LETTER})]
"""Of accounts of clients, who need no letter."""
ALICE = id_of("alice")


async def moved(custody: Custody, status: AccountStatus, *names: str, reason: str = "case 4711") -> bytes:
    """Moves accounts as one operator; returns what another must confirm, empty where it is done."""
    request = pb.SetAccountStatusRequest(
        book_id=PLATFORM, account_ids=list(map(id_of, names)), status=pb.AccountStatus.ValueType(status), reason=reason
    )
    reply: Any = await custody.call("SetAccountStatus", request, None)
    states = [(await account(custody, name)).status for name in names]
    assert list(reply.status) == states
    assert bool(reply.proposal_id) == (states != [status] * len(names))
    proposal: bytes = reply.proposal_id
    return proposal


async def brought(custody: Custody, name: str, status: AccountStatus) -> None:
    """Brings an account to a state that decisions begin from."""
    if status is not S.ACTIVE:
        await custody.move(PLATFORM, [id_of(name)], status)
    assert (await account(custody, name)).status == status


@pytest.mark.parametrize(("before", "after"), STEPS, ids=lambda status: status.name)
async def test_whatever_lets_money_out_again_takes_two(
    custody: Custody, before: AccountStatus, after: AccountStatus
) -> None:
    """By what it does, whatever it is called: until somebody else confirms, nothing has happened."""
    await open_accounts(custody)
    assert await send(custody, Row("emptied", "alice", "bob", 1_000)) == ["created"]
    await brought(custody, "alice", before)
    proposal = await moved(custody, after, "alice")
    assert bool(proposal) == (before not in PAYS and after in PAYS)
    if proposal:
        with pytest.raises(SecondPersonRequired):
            await custody.writer.commit(lambda unit: confirm(custody, unit, proposal, OPERATOR))
        assert (await account(custody, "alice")).status == before
        await custody.confirm(proposal)
    assert (await account(custody, "alice")).status == after


def confirm(custody: Custody, unit: Unit, proposal: bytes, by: Caller) -> None:
    """Has somebody confirm within a commit."""
    custody.proposals.decide_within(unit, Decision(proposal, Verdict.CONFIRM), by)


async def test_one_account_that_opens_makes_the_batch_wait(custody: Custody) -> None:
    """All or none: those that would only be closed wait with it."""
    await open_accounts(custody)
    await brought(custody, "alice", S.DORMANT)
    proposal = await moved(custody, S.CLOSING, "alice", "bob")
    assert (await account(custody, "bob")).status == S.ACTIVE
    assert await send(custody, Row("out", "alice", "bob", 1)) == ["debit_account_not_active"]
    await custody.confirm(proposal)
    assert [(await account(custody, name)).status for name in ("alice", "bob")] == [S.CLOSING] * 2


async def frozen_and_released(custody: Custody) -> None:
    """An order held the account for a while."""
    await custody.commands.set_freeze(PLATFORM, [ALICE], "ORDER-1", OPERATOR.subject)
    await custody.lift(PLATFORM, [ALICE], "ORDER-1")


async def opened_and_restricted(custody: Custody) -> None:
    """It was opened with another account, and restricted once more."""
    await custody.move(PLATFORM, [ALICE, id_of("bob")], S.ACTIVE)
    await custody.move(PLATFORM, [ALICE], S.RESTRICTED)


async def blocked_and_released(custody: Custody) -> None:
    """Its owner was blocked for a while."""
    await learn(custody, PLATFORM, "BLOCKED", position=60)
    await learn(custody, PLATFORM, "VERIFIED", position=61)


CHANGES: list[Callable[[Custody], Awaitable[None]]] = [frozen_and_released, opened_and_restricted, blocked_and_released]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_there_and_back_is_a_change(
    custody: Custody, stores: Callable[[], EventStore], change: Callable[[Custody], Awaitable[None]]
) -> None:
    """Who proposed it knew nothing of what happened since; in a process that starts anew as well."""
    await open_accounts(custody)
    await brought(custody, "alice", S.RESTRICTED)
    proposal = await moved(custody, S.ACTIVE, "alice")
    await change(custody)
    assert (await account(custody, "alice")).status == S.RESTRICTED
    async with running(stores) as fresh:
        assert fresh.whole.digest() == custody.whole.digest()
        with pytest.raises(ProposalVoid):
            await fresh.confirm(proposal)
        assert (await account(fresh, "alice")).status == S.RESTRICTED


async def test_what_happens_to_other_accounts_leaves_it_alone(custody: Custody) -> None:
    """Neither a decision on another account of the book nor its confirmation voids it."""
    await open_accounts(custody)
    await custody.move(PLATFORM, [ALICE, id_of("bob")], S.RESTRICTED)
    proposal = await moved(custody, S.ACTIVE, "alice")
    await custody.move(PLATFORM, [id_of("bob")], S.ACTIVE)
    await custody.confirm(proposal)
    assert (await account(custody, "alice")).status == S.ACTIVE


async def lifted(custody: Custody, book: bytes, *names: str) -> bytes:
    """Proposes that accounts are released from the order that froze them."""
    return await custody.acts.lift(book, list(map(id_of, names)), "ORDER-1", OPERATOR)


async def opened(custody: Custody, book: bytes, *names: str) -> bytes:
    """Proposes that dormant accounts are active again."""
    _, proposal = await custody.acts.move(book, Moving(list(map(id_of, names)), S.ACTIVE, "case 1"), OPERATOR)
    return proposal


@pytest.mark.parametrize("propose", [lifted, opened])
async def test_acts_on_other_accounts_leave_each_other_alone(
    custody: Custody, propose: Callable[..., Awaitable[bytes]]
) -> None:
    """Of several accounts each, and of accounts with the same ids in another book; what shares one is void."""
    names = ("alice", "bob", "carol", "dan")
    for book in (PLATFORM, OTHER):
        await open_accounts(custody, book, names)
        if propose is opened:
            await custody.move(book, list(map(id_of, names)), S.DORMANT)
        else:
            await custody.commands.set_freeze(book, list(map(id_of, names)), "ORDER-1", OPERATOR.subject)
    first, second = await propose(custody, PLATFORM, *names[:2]), await propose(custody, PLATFORM, *names[2:])
    single, elsewhere = await propose(custody, PLATFORM, "alice"), await propose(custody, OTHER, "alice")
    both, same = await propose(custody, OTHER, *names[:2]), await propose(custody, PLATFORM, "dan", "alice")
    await custody.confirm(first)
    await custody.confirm(second)
    for each in (single, same):
        with pytest.raises(ProposalVoid):
            await custody.confirm(each)
    await custody.confirm(elsewhere)
    with pytest.raises(ProposalVoid):
        await custody.confirm(both)


async def test_it_is_looked_at_again_when_it_is_confirmed(custody: Custody) -> None:
    """The owner's KYC may have expired meanwhile, which leaves a restricted account as it is."""
    await open_accounts(custody)
    await brought(custody, "alice", S.RESTRICTED)
    proposal = await moved(custody, S.ACTIVE, "alice")
    await learn(custody, PLATFORM, "EXPIRED", position=60)
    with pytest.raises(AccountTransitionRefused):
        await custody.confirm(proposal)
    assert (await account(custody, "alice")).status == S.RESTRICTED


async def test_the_second_person_reads_all_of_it(custody: Custody) -> None:
    """What it does comes first; book, state, accounts and reason are named."""
    await open_accounts(custody)
    await custody.move(PLATFORM, [ALICE, id_of("bob")], S.DORMANT)
    _, proposal = await custody.acts.move(PLATFORM, Moving([ALICE, id_of("bob")], S.ACTIVE, "case 9"), OPERATOR)
    (waiting,), _ = await custody.proposals.waiting(SECOND_OPERATOR, b"", 0, 10)
    assert waiting.proposal.id == proposal
    text = waiting.description
    assert text.startswith("let money through again: ")
    for each in (PLATFORM, ALICE, id_of("bob")):
        assert show(each) in text
    assert "ACTIVE" in text
    assert text.endswith("case 9")
