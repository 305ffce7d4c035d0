"""Submissions through the whole pipeline, on a real PostgreSQL."""

import asyncio
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest
from ringfence_payment_instruction.settlement.domain.errors import BookAccountMissing, CustodyUnavailable
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.errors import (
    AuthorisationRefused,
    IdentityUnavailable,
    InstructionUnknown,
    KeysUnavailable,
    SubmissionConflict,
    TenantForbidden,
)
from ringfence_payment_instruction.submissions.domain.status import Directive, Status
from ringfence_payment_instruction.submissions.domain.submission import stream_of, transfer_id_of

from .world import (
    APPROVER,
    FOREIGN,
    LISTED,
    MIRROR,
    OPERATOR,
    OTHER_TENANT,
    PLATFORM,
    STRANGER,
    TENANT,
    World,
    an_id,
    order,
)

PACS_002 = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.002.001.10"><FIToFIPmtStsRpt>
<GrpHdr><MsgId>BANK-{number}</MsgId><CreDtTm>2026-01-05T10:00:00Z</CreDtTm></GrpHdr>
<TxInfAndSts><OrgnlGrpInf><OrgnlMsgId>{message}</OrgnlMsgId><OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId></OrgnlGrpInf>
<OrgnlEndToEndId>X</OrgnlEndToEndId><OrgnlTxId>{transaction}</OrgnlTxId><TxSts>{status}</TxSts>{reason}</TxInfAndSts>
</FIToFIPmtStsRpt></Document>"""


def bank_answers(world: World, name: str, status: str, reason: str = "", identifier: bytes = b"") -> None:
    """Puts the bank's answer to an instruction, by its id or the text that its id stands for, into the inbox."""
    identifier = identifier or an_id(name)
    submission, index = world.states.submissions.find(TENANT, identifier) or (None, 0)
    assert submission is not None
    text = PACS_002.format(
        number=len(world.rail.archived),
        message=submission.references[index],
        transaction=transfer_id_of(TENANT, identifier).hex(),
        status=status,
        reason=f"<StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn></StsRsnInf>" if reason else "",
    )
    world.rail.inbox[f"{name}-{status}.xml"] = text.encode()


async def submit(world: World, *names: str, **changes: object) -> None:
    """Submits a batch of one instruction per name, under the first name."""
    orders = [order(name, **changes) for name in names]  # type: ignore[arg-type]
    await world.submit_batch(PLATFORM, an_id(f"submission {names[0]}"), orders)


async def test_a_thousand_payments_settle_in_a_handful_of_saves(world: World) -> None:
    """One custody call, three saves, no key fetched again, and the money has moved once."""
    before = world.writer.head.position
    orders, asked_before = [order(f"p{number}", amount_minor=1) for number in range(1_000)], world.identity.key_calls
    await world.submit_batch(PLATFORM, an_id("batch"), orders)
    await world.reaches("p999", Status.SETTLED)
    assert world.custody.balances[an_id("boris account")] == 1_000
    assert (world.custody.calls, world.identity.key_calls - asked_before) == (1, 1)
    # received, rows, verdicts | screened | settled
    assert world.writer.head.position - before == 5


async def test_the_same_batch_gets_the_same_answer(world: World) -> None:
    """Also after it has moved on; another content under its id is refused."""
    orders = [order("one"), order("bad", amount_minor=0), order("foreign", debtor_iban=FOREIGN)]
    first = await world.submit_batch(PLATFORM, an_id("batch"), orders)
    await world.reaches("one", Status.SETTLED)
    assert await world.submit_batch(PLATFORM, an_id("batch"), orders) == first
    assert [(view.status, view.iso_reason) for view in first] == [
        (Status.AUTHENTICATED, ""), (Status.REJECTED, "AM12"), (Status.REJECTED, "AC02"),
    ]  # fmt: skip
    with pytest.raises(SubmissionConflict):
        await world.submit_batch(PLATFORM, an_id("batch"), orders[:1])
    assert world.custody.balances[an_id("boris account")] == 10_00


async def test_two_of_the_same_batch_at_once_pay_once(world: World) -> None:
    """Concurrent retries meet in the writer."""
    orders = [order("one")]
    answers = await asyncio.gather(*(world.submit_batch(PLATFORM, an_id("batch"), orders) for _ in range(5)))
    await world.reaches("one", Status.SETTLED)
    assert all(answer == answers[0] for answer in answers)
    assert world.custody.balances[an_id("boris account")] == 10_00


async def test_a_payment_out_goes_to_the_bank_and_settles_on_its_word(world: World) -> None:
    """Reserved, sent as pacs.008 once, confirmed by pacs.002, posted."""
    await submit(world, "out", creditor=STRANGER)
    await world.reaches("out", Status.SENT)
    assert world.custody.balances[an_id("anna account")] == 990_00
    (message,) = world.rail.sent.values()
    assert b"pacs.008" in message
    assert STRANGER.encode() in message
    bank_answers(world, "out", "ACSC")
    await world.reaches("out", Status.SETTLED)
    assert world.custody.balances[MIRROR] == 10_00
    await world.until(lambda: bool(world.rail.archived))
    assert not world.rail.inbox


async def test_a_payment_that_the_bank_refuses_gives_the_money_back(world: World) -> None:
    """FAILED with the bank's code; the payer has it all again."""
    await submit(world, "out", creditor=STRANGER)
    await world.reaches("out", Status.SENT)
    bank_answers(world, "out", "RJCT", "AC04")
    await world.reaches("out", Status.FAILED)
    assert world.custody.balances[an_id("anna account")] == 1_000_00
    (view,) = await world.application.reads.get(TENANT, [an_id("out")])
    assert (view.state.reason, view.state.iso_reason) == (reasons.BANK_REFUSED, "AC04")


async def test_a_large_payment_waits_for_another_person(world: World) -> None:
    """The maker may not approve; another of its people may; a stranger's tenant cannot even see it."""
    await submit(world, "large", amount_minor=600_00)
    await world.reaches("large", Status.HELD)
    decide = world.application.approvals.decide
    (own,) = await decide(PLATFORM, TENANT, [an_id("large")], Directive.APPROVE, "")
    assert own.reason == reasons.APPROVER_IS_MAKER
    with pytest.raises(InstructionUnknown):
        await decide(APPROVER, OTHER_TENANT, [an_id("large")], Directive.APPROVE, "")
    assert world.status("large") is Status.HELD
    (taken,) = await decide(APPROVER, TENANT, [an_id("large")], Directive.APPROVE, "looks right")
    assert taken.reason == ""
    await world.reaches("large", Status.SETTLED)
    (again,) = await decide(APPROVER, TENANT, [an_id("large")], Directive.APPROVE, "looks right")
    assert (again.status, again.reason) == (Status.SETTLED, "")


async def test_held_payments_are_rejected_and_cancelled_each_by_itself(world: World) -> None:
    """One request decides on several; what cannot be decided says why."""
    await submit(world, "a", "b", amount_minor=600_00)
    await world.reaches("b", Status.HELD)
    decide = world.application.approvals.decide
    with pytest.raises(InstructionUnknown):
        await decide(OPERATOR, TENANT, [an_id("a"), an_id("unheard of")], Directive.REJECT, "")
    await submit(world, "small")
    await world.reaches("small", Status.SETTLED)
    first = await decide(OPERATOR, TENANT, [an_id("a"), an_id("small")], Directive.REJECT, "")
    assert [(view.status, view.reason) for view in first] == [
        (Status.REJECTED, reasons.APPROVAL_REFUSED), (Status.SETTLED, reasons.NOT_HELD),
    ]  # fmt: skip
    (second,) = await decide(APPROVER, TENANT, [an_id("b")], Directive.CANCEL, "")
    assert second.status == Status.CANCELLED
    (late,) = await decide(APPROVER, TENANT, [an_id("a")], Directive.APPROVE, "")
    assert late.reason == reasons.NOT_HELD
    assert world.custody.calls == 1


async def test_a_payee_on_the_list_is_refused(world: World) -> None:
    """However the name is spelt; custody never hears of it."""
    await submit(world, "bad", creditor_name="ACTOR, Bád")
    await world.reaches("bad", Status.REJECTED)
    assert (world.reason("bad"), world.custody.calls) == (reasons.SANCTIONS_HIT, 0)


async def test_without_a_fresh_list_payments_wait_and_then_go_on(world: World) -> None:
    """The reason is named; an import lets them through by itself."""
    world.list_maximum_age_ns = 1
    await world.restart()
    await submit(world, "waits")
    await world.until(lambda: world.reason("waits") == "SCREENING_LIST_STALE")
    assert (world.status("waits"), world.custody.calls) == (Status.AUTHENTICATED, 0)
    world.list_maximum_age_ns = 86_400 * 10**9
    await world.restart()
    await world.import_list(LISTED + b"Somebody Else,person,Y\n")
    await world.reaches("waits", Status.SETTLED)
    assert world.reason("waits") == ""


async def test_without_any_list_nothing_passes(world: World) -> None:
    """No list is as bad as a stale one."""
    world.states.screening.lists.clear()
    await submit(world, "waits")
    await world.until(lambda: world.reason("waits") == "SCREENING_LIST_STALE")
    assert world.status("waits") is Status.AUTHENTICATED


async def test_an_outage_with_two_causes_is_noted_once_for_each(world: World) -> None:
    """Causes that take turns, for as long as they like, make no more events than there are causes."""
    causes, tries = cycle([CustodyUnavailable, BookAccountMissing]), [0]

    async def failing(*_: Any, **named: Any) -> Any:
        tries[0] += 1
        raise next(causes)

    works = world.custody.create_transfers
    world.custody.create_transfers = failing  # type: ignore[method-assign]
    await world.submit_batch(PLATFORM, an_id("s a"), [order("a")])
    await world.until(lambda: tries[0] >= 6)
    waiting = [topic for topic in world.topics() if topic.startswith("SubmissionWaiting")]
    assert len(waiting) == 2
    assert world.reason("a") in (CustodyUnavailable.reason, BookAccountMissing.reason)
    world.custody.create_transfers = works  # type: ignore[method-assign]
    await world.reaches("a", Status.SETTLED)
    assert world.reason("a") == ""


async def test_custody_away_means_waiting_with_its_name(world: World) -> None:
    """Nothing is lost, nothing is paid twice, although a reply was lost on the way."""
    world.custody.loses_replies = True
    await submit(world, "one")
    await world.until(lambda: world.reason("one") == "CUSTODY_UNAVAILABLE")
    assert world.status("one") is Status.SCREENED
    world.custody.loses_replies = False
    await world.reaches("one", Status.SETTLED)
    assert world.custody.balances[an_id("boris account")] == 10_00


async def test_identity_or_keys_away_refuse_the_submission_by_name(world: World) -> None:
    """Nothing is taken in; the same request succeeds later."""
    world.identity.is_away = True
    with pytest.raises(IdentityUnavailable):
        await submit(world, "one")
    world.identity.is_away, world.identity.is_sealed = False, True
    with pytest.raises(KeysUnavailable):
        await submit(world, "one")
    assert world.states.submissions.find(TENANT, an_id("one")) is None
    world.identity.is_sealed = False
    await submit(world, "one")
    await world.reaches("one", Status.SETTLED)


async def test_a_sealed_vault_holds_back_what_needs_a_key(world: World) -> None:
    """After a restart in the middle the payment waits for keys, and goes on with them."""
    world.list_maximum_age_ns = 1
    await world.restart()
    await submit(world, "waits")
    world.identity.is_sealed, world.list_maximum_age_ns = True, 86_400 * 10**9
    await world.restart()
    await world.until(lambda: world.reason("waits") == "KEYS_UNAVAILABLE")
    world.identity.is_sealed = False
    await world.reaches("waits", Status.SETTLED)


async def test_a_broken_rail_keeps_payments_reserved(world: World) -> None:
    """The message is decided once and handed over when the rail takes it, also after a restart."""
    world.rail.is_broken = True
    await submit(world, "out", creditor=STRANGER)
    await world.until(lambda: world.reason("out") == "RAIL_UNAVAILABLE")
    assert world.status("out") is Status.RESERVED
    await world.restart()
    world.rail.is_broken = False
    await world.reaches("out", Status.SENT)
    assert len(world.rail.sent) == 1


@pytest.mark.parametrize("stage", [Status.AUTHENTICATED, Status.SCREENED, Status.RESERVED])
async def test_a_restart_goes_on_from_the_state_alone(world: World, stage: Status) -> None:
    """Stopped before screening, posting or sending, a new process does the rest and nothing twice."""
    world.custody.is_away = stage is Status.SCREENED
    world.rail.is_broken = stage is Status.RESERVED
    world.list_maximum_age_ns = 1 if stage is Status.AUTHENTICATED else world.list_maximum_age_ns
    await world.restart()
    await submit(world, "out", creditor=STRANGER)
    await world.reaches("out", stage)
    world.custody.is_away = world.rail.is_broken = False
    world.list_maximum_age_ns = 86_400 * 10**9
    await world.restart()
    await world.reaches("out", Status.SENT)
    bank_answers(world, "out", "ACSC")
    await world.reaches("out", Status.SETTLED)
    assert world.custody.balances[MIRROR] == 10_00


async def test_too_little_money_is_a_rejection_with_a_reason(world: World) -> None:
    """AM04, and the ledger is untouched."""
    await submit(world, "a", "b", "c", amount_minor=400_00)
    await world.reaches("c", Status.REJECTED)
    assert [world.status(name) for name in "abc"] == [Status.SETTLED, Status.SETTLED, Status.REJECTED]
    (view,) = await world.application.reads.get(TENANT, [an_id("c")])
    assert (view.state.reason, view.state.iso_reason) == (reasons.INSUFFICIENT_FUNDS, "AM04")


async def test_a_submission_needs_a_tenant_and_identitys_word(world: World) -> None:
    """An operator does not submit; who is not authorised is refused before anything is recorded."""
    orders = [order("one")]
    with pytest.raises(TenantForbidden):
        await world.submit_batch(OPERATOR, an_id("batch"), orders)
    with pytest.raises(AuthorisationRefused):
        await world.submit_batch(replace(PLATFORM, token=""), an_id("batch"), orders)
    assert stream_of(TENANT, an_id("batch")) not in world.states.submissions.submissions


async def test_tenants_do_not_meet(world: World) -> None:
    """Another tenant may use the same ids, and neither sees the other's."""
    other = replace(PLATFORM, subject=OTHER_TENANT, tenant=OTHER_TENANT)
    await submit(world, "one")
    (view,) = await world.submit_batch(other, an_id("submission one"), [order("one")])
    assert (view.status, view.reason) == (Status.REJECTED, reasons.DEBTOR_ACCOUNT_UNKNOWN)
    (own,) = await world.application.reads.get(TENANT, [an_id("one")])
    assert own.state.reason == ""
    assert await world.application.reads.get(an_id("third"), [an_id("one")]) == []
