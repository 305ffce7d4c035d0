"""What the bank answers: it decides one payment or none, and what decides none waits for people."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from ringfence_kernel.proposals.application import Decision, Verdict
from ringfence_kernel.proposals.domain.errors import ProposalVoid
from ringfence_payment_instruction.rail.application.working_off import Working
from ringfence_payment_instruction.rail.domain.errors import AnswerExceptionUnknown, AnswerNotApplicable
from ringfence_payment_instruction.rail.domain.replies import Misfit
from ringfence_payment_instruction.rail.domain.state import Outcome, Waiting
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.orders import Alias
from ringfence_payment_instruction.submissions.domain.status import Status
from ringfence_payment_instruction.submissions.domain.submission import transfer_id_of
from ringfence_payment_instruction.submissions.domain.uetrs import uetr_of

from .closing import is_same
from .messages import camt_054, entry
from .test_payment_application import bank_answers
from .world import (
    BANK,
    BANK_FEED,
    OPERATOR,
    PLATFORM,
    SECOND_OPERATOR,
    STRANGER,
    TENANT,
    World,
    an_id,
    caller,
    iban,
    order,
)

PACS_002 = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.002.001.10"><FIToFIPmtStsRpt>
<GrpHdr><MsgId>BANK-1</MsgId><CreDtTm>2026-01-05T10:00:00Z</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>{message}</OrgnlMsgId><OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId>{group}
</OrgnlGrpInfAndSts>{rows}</FIToFIPmtStsRpt></Document>"""
DOCUMENT = b"d" * 32
UETR = "9a0c4f5e-7f3a-4c5f-9d3c-2f1f6a1d0b7f"


def message_of(world: World, name: str) -> str:
    """Returns the id of the message in which a payment was sent."""
    submission, index = world.states.submissions.find(TENANT, an_id(name)) or (None, 0)
    assert submission is not None
    return submission.references[index]


def row(status: str = "RJCT", **names: str) -> str:
    """Returns a transaction of an answer, by the ids that it names."""
    names_in_order = ("OrgnlInstrId", "OrgnlEndToEndId", "OrgnlTxId", "OrgnlUETR")
    ids = "".join(f"<{name}>{names[name]}</{name}>" for name in names_in_order if name in names)
    return f"<TxInfAndSts>{ids}{f'<TxSts>{status}</TxSts>' if status else ''}</TxInfAndSts>"


def transaction(name: str) -> str:
    """Returns by what the bank knows a payment."""
    return transfer_id_of(TENANT, an_id(name)).hex()


async def answer(world: World, message: str, *rows: str, group: str = "", name: str = "answer.xml") -> None:
    """Brings an answer to a message, none for a report without one, and waits until it is put away."""
    status = f"<GrpSts>{group}</GrpSts>" if group else ""
    content = PACS_002.format(message=message, group=status, rows="".join(rows))
    if not message:
        content = re.sub(r"<OrgnlGrpInfAndSts>.*</OrgnlGrpInfAndSts>", "", content, flags=re.DOTALL)
    world.rail.inbox[name] = content.encode()
    await world.until(lambda: name in world.rail.archived)


async def sent(world: World, *names: str, **end_to_end_ids: str) -> str:
    """Sends payments in one message, with their names for end-to-end ids but for those given; returns its id."""
    orders = [order(name, creditor=STRANGER, end_to_end_id=end_to_end_ids.get(name, name)) for name in names]
    await world.submit_batch(PLATFORM, an_id(f"submission {names[0]}"), orders)
    for name in names:
        await world.reaches(name, Status.SENT)
    return message_of(world, names[0])


def waiting(world: World) -> list[Waiting]:
    """Returns the answers that wait for people, the oldest first."""
    return world.states.answers.after(0)


@pytest.mark.parametrize("code", ["RJCT", "CANC", "BLCK"])
async def test_every_code_that_ends_a_payment_ends_it(world: World, code: str) -> None:
    """Rejected, cancelled or blocked: it has failed, and the payer has the money again."""
    await sent(world, "out")
    bank_answers(world, "out", code)
    await world.reaches("out", Status.FAILED)
    assert world.custody.balances[an_id("anna account")] == 1_000_00


@pytest.mark.parametrize(
    "names",
    [
        {"OrgnlEndToEndId": "two"},
        {"OrgnlEndToEndId": " two "},
        {"OrgnlInstrId": "of the bank", "OrgnlEndToEndId": "two"},
        {"OrgnlEndToEndId": "the payer's, repeated wrongly", "OrgnlTxId": transaction("two")},
    ],
)
async def test_a_payment_is_known_by_whatever_names_it_alone(world: World, names: dict[str, str]) -> None:
    """By our transaction id, or by the message's id and the payer's own reference."""
    message = await sent(world, "one", "two")
    await answer(world, message, row(**names))
    await world.reaches("two", Status.FAILED)
    assert (world.status("one"), waiting(world)) == (Status.SENT, [])


@pytest.mark.parametrize("given", ["", UETR])
@pytest.mark.parametrize("is_closed", [False, True])
async def test_a_uetr_alone_finds_its_payment(world: World, given: str, *, is_closed: bool) -> None:
    """One that was made here, or came with the order; also of a payment that has come to its end."""
    orders = [order(name, creditor=STRANGER, uetr=given if name == "two" else "") for name in ("one", "two")]
    await world.submit_batch(PLATFORM, an_id("submission"), orders)
    await world.reaches("two", Status.SENT)
    if is_closed:
        await world.restart()
        await answer(world, message_of(world, "two"), group="ACSC", name="first.xml")
        await world.reaches("two", Status.SETTLED)
    submission, index = world.states.submissions.find(TENANT, an_id("two")) or (None, 0)
    assert submission is not None
    uetr = uetr_of(submission, index)
    assert uetr == given or not given
    await answer(world, "", row(OrgnlUETR=uetr))
    if is_closed:
        assert [each.event.misfit for each in waiting(world)] == [Misfit.CONTRADICTS]
        assert waiting(world)[0].candidates() == [(TENANT, an_id("two"))]
    else:
        await world.reaches("two", Status.FAILED)
        assert (world.status("one"), waiting(world)) == (Status.SENT, [])


async def test_what_a_platform_says_takes_no_answer_of_another_payment(world: World) -> None:
    """A UETR that was made for a payment, given to another: the bank's word of it is for people."""
    await sent(world, "victim")
    submission, index = world.states.submissions.find(TENANT, an_id("victim")) or (None, 0)
    assert submission is not None
    uetr = uetr_of(submission, index)
    await world.submit_batch(PLATFORM, an_id("submission"), [order("thief", creditor=STRANGER, uetr=uetr)])
    await world.reaches("thief", Status.SENT)
    await answer(world, "", row(OrgnlUETR=uetr))
    (found,) = waiting(world)
    assert (found.event.misfit, len(found.candidates())) == (Misfit.AMBIGUOUS, 2)
    assert (world.status("victim"), world.status("thief")) == (Status.SENT, Status.SENT)


@pytest.mark.parametrize(
    ("names", "fitting"),
    [({"OrgnlInstrId": "I-2"}, "two"), ({"OrgnlUETR": UETR}, "one"), ({"OrgnlTxId": "two", "OrgnlUETR": UETR}, "")],
)
async def test_what_was_told_to_the_bank_tells_payments_of_a_message_apart(
    world: World, names: dict[str, str], fitting: str
) -> None:
    """By InstrId or UETR as by the payer's reference; a UETR that is another payment's fits none."""
    orders = [
        order("one", creditor=STRANGER, uetr=UETR, end_to_end_id="same", instruction_identification="I-1"),
        order("two", creditor=STRANGER, end_to_end_id="same", instruction_identification="I-2"),
    ]
    await world.submit_batch(PLATFORM, an_id("submission"), orders)
    await world.reaches("two", Status.SENT)
    if "OrgnlTxId" in names:
        names = names | {"OrgnlTxId": transaction("two")}
    await answer(world, message_of(world, "one"), row(**names, **({} if fitting else {"OrgnlEndToEndId": "same"})))
    if fitting:
        await world.reaches(fitting, Status.FAILED)
        assert waiting(world) == []
    else:
        assert [each.event.misfit for each in waiting(world)] == [Misfit.UNKNOWN]


async def test_the_only_payment_of_a_message_needs_no_name(world: World) -> None:
    """A bank that repeats none of the ids means what was in the message."""
    message = await sent(world, "out", out="NOTPROVIDED")
    await answer(world, message, row(OrgnlEndToEndId="NOTPROVIDED"))
    await world.reaches("out", Status.FAILED)


@pytest.mark.parametrize("group", ["RJCT", "CANC"])
async def test_a_group_status_holds_for_what_is_not_named(world: World, group: str) -> None:
    """What is said of one payment goes before; where it has no status of its own, the group's is its own."""
    message = await sent(world, "one", "two", "three")
    settled = row("ACSC", OrgnlTxId=transaction("one"))
    await answer(world, message, settled, row("", OrgnlTxId=transaction("two")), group=group)
    await world.reaches("one", Status.SETTLED)
    await world.reaches("two", Status.FAILED)
    await world.reaches("three", Status.FAILED)
    assert waiting(world) == []


async def test_words_are_no_reason_code(world: World) -> None:
    """The caller is told the code for a refusal without reason, and no word of the bank's; nor do events have it."""
    message = await sent(world, "out")
    words = "<StsRsnInf><Rsn><Prtry>Ada Quill is unknown</Prtry></Rsn></StsRsnInf></TxInfAndSts>"
    refused = row(OrgnlTxId=transaction("out")).replace("</TxInfAndSts>", words)
    await answer(world, message, refused)
    await world.reaches("out", Status.FAILED)
    (view,) = await world.application.reads.get(TENANT, [an_id("out")])
    assert (view.state.reason, view.state.iso_reason) == (reasons.BANK_REFUSED, "MS03")
    assert "Quill" not in repr([each.event for each in world.store.replay(world.writer.codec)])


@pytest.mark.parametrize(
    ("message", "names", "misfit", "fitting"),
    [
        ("", {"OrgnlTxId": "f" * 32}, Misfit.UNKNOWN, ()),
        ("", {"OrgnlTxId": "bank's own", "OrgnlEndToEndId": "one"}, Misfit.UNKNOWN, ()),
        ("RF" + "0" * 31 + "1", {"OrgnlTxId": transaction("one")}, Misfit.UNKNOWN, ()),
        ("RF" + "0" * 31 + "1", {"OrgnlEndToEndId": "one"}, Misfit.UNKNOWN, ()),
        ("", {"OrgnlEndToEndId": "another"}, Misfit.UNKNOWN, ()),
        ("", {"OrgnlUETR": "9a0c4f5e-7f3a-4c5f-9d3c-2f1f6a1d0b7e"}, Misfit.UNKNOWN, ()),
        ("", {"OrgnlEndToEndId": "same"}, Misfit.AMBIGUOUS, ("two", "three")),
        ("", {}, Misfit.AMBIGUOUS, ("one", "two", "three")),
    ],
)
async def test_an_answer_that_fits_none_or_several_waits_for_people(
    world: World, message: str, names: dict[str, str], misfit: Misfit, fitting: tuple[str, ...]
) -> None:
    """Nothing changes; what the bank says is kept, sealed, and told again it is still one."""
    first = await sent(world, "one", "two", "three", two="same", three="same")
    for again in ("a.xml", "b.xml"):
        await answer(world, message or first, row(**names), name=again)
    await world.restart()
    (found,) = waiting(world)
    assert (found.event.misfit, found.event.fate) == (misfit, 2)
    assert found.candidates() == [(TENANT, an_id(name)) for name in fitting]
    words = await world.application.rail.api.answering.words(found.event)
    assert (words.message_id, words.transaction_id) == (message or first, names.get("OrgnlTxId", ""))
    assert {world.status(name) for name in ("one", "two", "three")} == {Status.SENT}
    assert await is_same(world) == {}


async def test_a_bank_that_changes_its_word_is_told_of(world: World) -> None:
    """The payment stands as it was first answered; one answer waits, with the payment that it is about."""
    message = await sent(world, "one", "two")
    await answer(world, message, group="ACSC", name="first.xml")
    await world.reaches("two", Status.SETTLED)
    await answer(world, message, group="RJCT", name="second.xml")
    (found,) = waiting(world)
    assert (found.event.misfit, found.event.tenant) == (Misfit.CONTRADICTS, TENANT)
    assert found.candidates() == [(TENANT, an_id("one")), (TENANT, an_id("two"))]
    assert (world.status("one"), world.status("two")) == (Status.SETTLED, Status.SETTLED)


async def work_off(world: World, outcome: Outcome, tenant: bytes = b"", instruction: bytes = bytes(16)) -> None:
    """Has two operators work off the oldest answer that waits."""
    working = Working(outcome, instruction, DOCUMENT, "the bank has called")
    exception = waiting(world)[0].event.exception
    proposal = await world.application.rail.api.working_off.propose(exception, tenant, working, OPERATOR)
    (said,) = await world.application.proposals.decide([Decision(proposal, Verdict.CONFIRM)], SECOND_OPERATOR)
    assert said == ""


async def test_two_people_say_what_an_answer_is_about(world: World) -> None:
    """It decides that payment as the bank's answer would have; the file handed in again calls nobody."""
    message = await sent(world, "one", "two", one="same", two="same")
    await answer(world, message, row(OrgnlEndToEndId="same"))
    await work_off(world, Outcome.APPLIED, TENANT, an_id("two"))
    await world.reaches("two", Status.FAILED)
    await answer(world, message, row(OrgnlEndToEndId="same"), name="again.xml")
    assert (world.status("one"), waiting(world)) == (Status.SENT, [])
    assert await is_same(world) == {}


async def test_an_answer_that_does_not_open_is_listed_all_the_same(world: World) -> None:
    """Without the bank's words, beside the others with theirs."""
    message = await sent(world, "one")
    await answer(world, message, row(OrgnlTxId="f" * 32), row(OrgnlTxId="e" * 32))
    first, second = (each.event for each in waiting(world))
    words = world.application.rail.api.answering.words
    broken = await words(replace(first, sealed=first.sealed[:-1] + bytes([first.sealed[-1] ^ 1])))
    assert (broken.transaction_id, (await words(second)).transaction_id) == ("", "e" * 32)


async def test_two_people_dismiss_what_is_about_nothing(world: World) -> None:
    """Nothing follows, and it waits no more, nor for whoever leads next."""
    message = await sent(world, "one")
    await answer(world, message, row(OrgnlTxId="f" * 32))
    await work_off(world, Outcome.DISMISSED)
    await world.restart()
    assert (world.status("one"), waiting(world)) == (Status.SENT, [])


@pytest.mark.parametrize(
    ("tenant", "name"), [(TENANT, "three"), (TENANT, "nobody's"), (an_id("other platform"), "one")]
)
async def test_an_answer_is_applied_only_to_what_it_fits(world: World, tenant: bytes, name: str) -> None:
    """A payment that does not await the bank, or is none of those that fit, is no other for two people either."""
    message = await sent(world, "one", "two", "three", one="same", two="same")
    await answer(world, message, row(OrgnlEndToEndId="same"))
    working = Working(Outcome.APPLIED, an_id(name), DOCUMENT, "the bank has called")
    propose = world.application.rail.api.working_off.propose
    with pytest.raises(AnswerNotApplicable):
        await propose(waiting(world)[0].event.exception, tenant, working, OPERATOR)
    with pytest.raises(AnswerExceptionUnknown):
        await propose(an_id("no answer"), tenant, working, OPERATOR)


async def test_an_answer_proposed_for_a_payment_that_was_answered_meanwhile_is_void(world: World) -> None:
    """What the second person would confirm is not what the first has seen."""
    message = await sent(world, "one", "two", one="same", two="same")
    await answer(world, message, row(OrgnlEndToEndId="same"))
    working = Working(Outcome.APPLIED, an_id("one"), DOCUMENT, "the bank has called")
    exception = waiting(world)[0].event.exception
    proposal = await world.application.rail.api.working_off.propose(exception, TENANT, working, OPERATOR)
    bank_answers(world, "one", "ACSC")
    await world.reaches("one", Status.SETTLED)
    (said,) = await world.application.proposals.decide([Decision(proposal, Verdict.CONFIRM)], SECOND_OPERATOR)
    assert said == ProposalVoid.reason
    assert (world.status("one"), len(waiting(world))) == (Status.SETTLED, 1)


async def test_a_payment_is_confirmed_by_the_mirror_that_it_left_by(world: World) -> None:
    """Another bank of the same platform's says nothing about it, also after a restart; its own does."""
    other, feed = iban(9), an_id("other bank")
    world.identity.aliases[other] = Alias(TENANT, an_id("other mirror"), bytes(16), True, feed)
    await sent(world, "out")
    await world.restart()
    debit = entry("D1", "10.00", direction="DBIT", transaction_id=transaction("out"))
    hand_in = world.application.statements.receiving.hand_in
    assert (await hand_in(caller(feed, None), camt_054("N-1", other, debit))).confirmed == 0
    assert world.status("out") is Status.SENT
    assert (await hand_in(BANK_FEED, camt_054("N-2", BANK, debit))).confirmed == 1
    await world.reaches("out", Status.RECONCILED)
