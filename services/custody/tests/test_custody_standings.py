"""A refusal for an owner's standing is final only when all that identity has said by then is taken in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from ringfence_custody.ledger.application.commands import OwnerFact, Poster
from ringfence_custody.ledger.application.standing_changes import StandingChanges
from ringfence_custody.ledger.domain.authority import PAYMENT_INSTRUCTION, Reach
from ringfence_custody.ledger.domain.lifecycle import AccountStatus, Standing
from ringfence_custody.ledger.domain.result_codes import CreateTransferStatus, TransferFlag
from ringfence_kernel.feed.hearing import StandingStale
from ringfence_protos.custody.v1 import custody_pb2 as pb

from .conftest import Custody
from .ledger import DEPOSIT, EUR, WITHDRAWAL, Row, columns_of, id_of
from .test_custody_authority import COURT, POST, PrincipalActivated, PrincipalSuspended, booked, booking
from .test_custody_authority import learn as learn_of
from .test_custody_service import PLATFORM, learn, open_accounts, send, transfers

F = TransferFlag
NEWCOMER, CLIENT = b"a new party here", pb.ACCOUNT_CLASS_CLIENT
OWNERS = (b"one", b"two", b"three", b"never heard of")
UNSETTLED = "owner_standing_unsettled"
PAY, TAKE = Row("pay", "alice", "bob", 1), Row("take", "bank", "alice", 1, code=DEPOSIT)
STANDINGS = {
    "BLOCKED": ("debit_account_frozen", "credit_account_frozen"),
    "EXPIRED": ("debit_account_not_active", "created"),
}


async def stand(custody: Custody, *states: str) -> None:
    """Has the clients of the book stand so, one after the other, and custody know it."""
    await open_accounts(custody)
    for position, state in enumerate(states, 2):
        await learn(custody, PLATFORM, state, position)


def comes(custody: Custody, state: str) -> None:
    """Has identity say how the clients stand, and custody not know it until it asks."""
    custody.identity.coming.append(partial(learn, custody, PLATFORM, state, 10))


@pytest.mark.parametrize("standing", STANDINGS)
async def test_who_is_verified_again_is_not_refused_for_what_was(custody: Custody, standing: str) -> None:
    """What identity has said before the call counts, though custody hears it only now; money out and in."""
    await stand(custody, standing)
    comes(custody, "VERIFIED")
    assert await send(custody, PAY) == ["created"]
    await learn(custody, PLATFORM, standing, 11)
    custody.identity.coming.append(partial(learn, custody, PLATFORM, "VERIFIED", 12))
    assert await booked(custody, booking(TAKE)) == ["created"]


async def open_for(custody: Custody, owner: bytes, *names: str) -> None:
    """Opens accounts of another client."""
    columns = pb.AccountColumns(
        id=b"".join(map(id_of, names)), owner_id=owner, account_class=[CLIENT], ledger=[EUR], code=[1]
    )
    await custody.call("CreateAccounts", pb.CreateAccountsRequest(accounts=columns), PLATFORM)


async def admit(custody: Custody, owner: bytes) -> None:
    """Takes in that identity has verified another client."""
    await custody.commands.note_identity([OwnerFact(PLATFORM, owner, Standing.ADMITTED, 10)], lambda connection: None)


async def test_who_was_just_verified_for_the_first_time_may_be_paid(custody: Custody) -> None:
    """An account that waits for its owner's KYC is as good as active once identity has decided."""
    await stand(custody)
    await open_for(custody, NEWCOMER, "carol")
    assert await send(custody, replace(PAY, id="too early", credit="carol")) == ["credit_account_not_active"]
    custody.identity.coming.append(partial(admit, custody, NEWCOMER))
    assert await send(custody, replace(PAY, credit="carol")) == ["created"]


@pytest.mark.parametrize("standing", STANDINGS)
async def test_who_stands_badly_still_is_refused_for_good(custody: Custody, standing: str) -> None:
    """Identity has nothing new: the refusal has its name, and the id is burnt."""
    await stand(custody, standing)
    out, into = STANDINGS[standing]
    assert await send(custody, PAY) == [out]
    assert await booked(custody, booking(TAKE)) == [into]
    assert custody.identity.asked == (2 if into != "created" else 1)
    await learn(custody, PLATFORM, "VERIFIED", 20)
    assert await send(custody, PAY) == ["id_already_failed"]


@pytest.mark.parametrize("standing", STANDINGS)
async def test_while_identity_cannot_be_heard_nothing_is_refused_for_a_standing(
    custody: Custody, standing: str
) -> None:
    """The row is left as if it had not come, what stands beside it goes on; the same row passes later."""
    await stand(custody, standing)
    custody.identity.is_away = True
    ended = Row("ended", "bank", "bob", 1, code=DEPOSIT, flags=int(F.PENDING))
    assert await send(custody, PAY, replace(PAY, id="unknown", debit="nobody")) == [
        UNSETTLED,
        "debit_account_not_found",
    ]
    assert await send(custody, replace(PAY, id="a", flags=int(F.LINKED)), replace(PAY, id="b")) == [
        UNSETTLED,
        "linked_event_failed",
    ]
    rows = [replace(ended, id=f"{number}") for number in range(2)]
    into = UNSETTLED if STANDINGS[standing][1] != "created" else "created"
    assert await booked(custody, booking(*(replace(each, flags=0) for each in rows))) == [into] * 2
    before = custody.writer.head.position
    assert await send(custody, PAY) == [UNSETTLED]
    assert custody.writer.head.position == before
    custody.identity.is_away = False
    comes(custody, "VERIFIED")
    assert await send(custody, PAY, replace(PAY, id="a"), replace(PAY, id="b")) == ["created"] * 3


async def test_payments_of_others_do_not_wait_for_identity(custody: Custody) -> None:
    """Of callers that come together only those ask whose refusal would rest on a standing."""
    await stand(custody, "BLOCKED")
    await open_for(custody, NEWCOMER, "carol", "dave")
    await admit(custody, NEWCOMER)
    custody.identity.is_away = True
    plain = [Row(f"plain {number}", "carol", "dave", 0) for number in range(20)]
    results = await asyncio.gather(*(send(custody, each) for each in [*plain[:10], PAY, *plain[10:]]))
    assert results.count([UNSETTLED]) == custody.identity.asked == 1
    assert results.count(["created"]) == len(plain)


async def test_who_waits_for_identity_has_no_rows_counted(custody: Custody) -> None:
    """What is taken on is what is being decided: a wait is no sign of load, and keeps nobody out."""
    await stand(custody, "BLOCKED")
    taken, seen = list[int](), list[list[int]]()

    @contextmanager
    def take_on(rows: int) -> Iterator[None]:
        taken.append(rows)
        yield
        taken.remove(rows)

    async def look() -> None:
        seen.append(taken.copy())

    custody.identity.coming.append(look)
    commands, poster = replace(custody.commands, take_on=take_on), Poster(PAYMENT_INSTRUCTION, Reach.SUBMISSION)
    await commands.create_transfers(PLATFORM, columns_of([PAY]), poster, with_balances=False)
    assert (seen, taken) == ([[]], [])


async def test_what_the_custodian_has_decided_needs_no_question(custody: Custody) -> None:
    """An order, a restriction and a closing are custody's own to know; refused at once, identity away or not."""
    await stand(custody)
    custody.identity.is_away = True
    freeze = pb.SetFreezeRequest(book_id=PLATFORM, account_ids=[id_of("bob")], frozen=True, order_reference="court 7")
    await custody.call("SetFreeze", freeze, None)
    assert await send(custody, PAY) == ["credit_account_frozen"]
    await custody.move(PLATFORM, [id_of("alice")], AccountStatus.RESTRICTED)
    assert await send(custody, replace(PAY, id="restricted")) == ["debit_account_not_active"]
    assert custody.identity.asked == 0


async def test_a_principal_that_was_activated_again_may_act_at_once(custody: Custody) -> None:
    """Also a platform; what identity has said before the call counts."""
    await stand(custody)
    await learn_of(custody, PrincipalSuspended(PLATFORM))
    custody.identity.coming.append(partial(learn_of, custody, PrincipalActivated(PLATFORM), position=51))
    assert await send(custody, PAY) == ["created"]


async def ask_at(custody: Custody, position: int, *rows: Row) -> list[str]:
    """Asks as payment-instruction, which has followed identity up to a position."""
    request = transfers(*rows)
    request.identity_position = position
    reply = await custody.call("CreateTransfers", request, PLATFORM)
    return [CreateTransferStatus(code).name.lower() for code in reply.status]  # type: ignore[attr-defined]


@pytest.mark.parametrize("standing", STANDINGS)
async def test_what_payment_instruction_cannot_know_yet_refuses_nothing(custody: Custody, standing: str) -> None:
    """Once it has taken in how the client stands it may hold the payment itself; if it asks then, it is refused."""
    await stand(custody, "VERIFIED", "VERIFIED", "VERIFIED", standing)
    assert await ask_at(custody, 4, PAY) == [UNSETTLED]
    assert await ask_at(custody, 4, PAY) == [UNSETTLED]
    assert await ask_at(custody, 5, PAY) == [STANDINGS[standing][0]]


async def test_an_account_without_news_of_its_owner_is_refused_at_once(custody: Custody) -> None:
    """Nobody has ever said how he stands: there is nothing to hear."""
    await stand(custody, "VERIFIED")
    await open_for(custody, NEWCOMER, "carol")
    assert await ask_at(custody, 0, replace(PAY, credit="carol")) == ["credit_account_not_active"]


async def test_what_another_process_has_taken_in_may_be_news(custody: Custody) -> None:
    """A new leader does not know when a standing changed, but that it was before it led."""
    await stand(custody, "BLOCKED")
    custody.commands.changes.begin(9)
    assert await ask_at(custody, 8, PAY) == [UNSETTLED]
    assert await ask_at(custody, 9, PAY) == ["debit_account_frozen"]


def test_the_memory_of_changes_is_bounded_and_errs_on_the_side_of_waiting() -> None:
    """Of whom it has forgotten it says that something may have been said until the newest change that it forgot."""
    changes = StandingChanges(limit=2)
    for position, owner in enumerate((b"one", b"two", b"one", b"three"), 10):
        changes.note(PLATFORM, owner, position)
    seen = {owner: [changes.is_after(at, PLATFORM, owner) for at in (10, 11, 12, 13)] for owner in OWNERS}
    assert seen == {
        b"one": [True, True, False, False],
        b"two": [True, False, False, False],
        b"three": [True, True, True, False],
        b"never heard of": [True, False, False, False],
    }
    assert not changes.is_after(13, b"another book", b"three")


async def test_nothing_is_posted_while_identity_is_not_heard(custody: Custody) -> None:
    """Who may post is not known any more; the bank's word is booked, and freezing goes on."""
    await open_accounts(custody)
    await custody.call(
        "CreateTransfers", transfers(Row("one", "alice", "bank", 10, int(F.PENDING), code=WITHDRAWAL)), PLATFORM
    )
    custody.hearing.begin()
    with pytest.raises(StandingStale):
        await custody.call("CreateTransfers", transfers(Row("a", "alice", "bob", 1)), PLATFORM)
    assert await booked(custody, booking(replace(POST, id="paid", pending_id="one", amount=10))) == ["created"]
    freeze = pb.SetFreezeRequest(book_id=PLATFORM, account_ids=[id_of("alice")], frozen=True, order_reference=COURT)
    frozen: Any = await custody.call("SetFreeze", freeze, None)
    assert list(frozen.status) == [pb.ACCOUNT_STATUS_FROZEN]
    custody.hearing.heard(custody.hearing.ask())
    reply: Any = await custody.call("CreateTransfers", transfers(Row("b", "bank", "bob", 1, code=DEPOSIT)), PLATFORM)
    assert reply.status == b"\0"
