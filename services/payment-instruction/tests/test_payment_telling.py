"""What the bank is told of a payment: who pays as registered, and all that was ordered, or a refusal by name."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree
from ringfence_kernel.values.ids import new_id
from ringfence_kernel.values.money import MAX_AMOUNT_MINOR
from ringfence_payment_instruction.limits.domain.bounds import Bounds, InstallationLimits
from ringfence_payment_instruction.rail.application.ports import Payer
from ringfence_payment_instruction.submissions.api import mapping
from ringfence_payment_instruction.submissions.application.views import StateView
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.errors import SubmissionConflict
from ringfence_payment_instruction.submissions.domain.orders import digest, invalidity
from ringfence_payment_instruction.submissions.domain.status import Status
from ringfence_protos.payment_instruction.v1 import payment_instruction_pb2 as pb

from .iso20022.conftest import schema_error
from .messages import pain_001
from .test_payment_files import said
from .world import ANNA, BORIS, EUR, PLATFORM, STRANGER, World, an_id, order

UETR = "9a0c4f5e-7f3a-4c5f-9d3c-2f1f6a1d0b7e"
GERMAN_STRANGER = "DE75512108001245126199"
ACCOUNT = pb.OtherAccount(identification="021000021-44", scheme=pb.CodeOrProprietary(code="BBAN"), issuer="ABA")
AGENT = pb.Agent(bic="CHASUS33", clearing_system="USABA", clearing_member="021000021", name="River Bank")


def ordered(name: str, **changes: Any) -> pb.NewInstruction:
    """Returns a payment of Anna's to a stranger at another bank, as a platform sends it."""
    fields: dict[str, Any] = {
        "id": an_id(name),
        "end_to_end_id": name,
        "debtor_iban": ANNA,
        "creditor_iban": STRANGER,
        "creditor_name": "Ada Quill",
        "amount_minor": 10_00,
        "currency": "EUR",
    }
    return pb.NewInstruction(**(fields | changes))


async def hand_in(world: World, *new: pb.NewInstruction, submission: bytes = b"") -> list[StateView]:
    """Takes a batch in as the service does, and returns where each stood first."""
    return await world.submit_batch(PLATFORM, submission or new_id(), [mapping.order(each) for each in new])


def told(world: World) -> etree._Element:
    """Returns the one message that the bank has, which is valid by its schema."""
    (content,) = world.rail.sent.values()
    assert schema_error(content) is None
    return etree.fromstring(content)


def texts(message: etree._Element, path: str) -> list[str | None]:
    """Returns the texts at a path below the transaction."""
    steps = "/".join(f"{{*}}{step}" for step in path.split("/"))
    return [each.text for each in message.findall(f".//{{*}}CdtTrfTxInf/{steps}")]


async def without_limits(world: World) -> None:
    """Lets every amount pass without a second person."""
    world.limits = InstallationLimits({EUR: Bounds(MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR)})
    await world.restart()


async def test_the_bank_is_told_the_registered_payer(world: World) -> None:
    """A payment that names an IBAN alone goes out under the payer's registered name, and the address."""
    await hand_in(world, ordered("payment"))
    await world.reaches("payment", Status.SENT)
    message = told(world)
    assert texts(message, "Dbtr/Nm") == ["Anna Example"]
    assert texts(message, "Dbtr/PstlAdr/AdrLine") == ["Lindenweg 4, 10115 Berlin"]
    assert texts(message, "Dbtr/Id/PrvtId/Othr/Id") == []


async def test_all_that_is_ordered_in_fields_is_told(world: World) -> None:
    """Every field of an order has its element, and reading it back shows the same."""
    document = pb.ReferredDocument(type=pb.CodeOrProprietary(code="CINV"), number="INV-77-A", related_date="2026-11-02")
    other = pb.ReferredDocument(type=pb.CodeOrProprietary(proprietary="order"), number="4711")
    new = ordered(
        "payment",
        creditor_iban="",
        creditor_account=ACCOUNT,
        creditor_agent=AGENT,
        uetr=UETR,
        instruction_identification="INSTR-4711",
        charge_bearer=pb.CHARGE_BEARER_DEBTOR,
        purpose=pb.CodeOrProprietary(code="SALA"),
        ultimate_debtor_name="Who pays",
        ultimate_creditor_name="Who gets",
        remittance="thanks",
        structured_remittance=[
            pb.StructuredRemittance(documents=[document, other], additional_information=["one", "two"]),
            pb.StructuredRemittance(
                creditor_reference_type=pb.CodeOrProprietary(code="SCOR"), creditor_reference="RF18539007547034"
            ),
        ],
    )
    new.creditor_address.street_name = "Wall Street"
    new.creditor_address.town_name = "New York"
    new.creditor_address.country = "US"
    new.creditor_address.address_lines.extend(["Suite 7", "at the back"])
    await hand_in(world, new)
    await world.reaches("payment", Status.SENT)
    message = told(world)
    expected = {
        "PmtId/UETR": [UETR],
        "PmtId/InstrId": ["INSTR-4711"],
        "ChrgBr": ["DEBT"],
        "Purp/Cd": ["SALA"],
        "UltmtDbtr/Nm": ["Who pays"],
        "UltmtCdtr/Nm": ["Who gets"],
        "Cdtr/Nm": ["Ada Quill"],
        "Cdtr/PstlAdr/StrtNm": ["Wall Street"],
        "Cdtr/PstlAdr/TwnNm": ["New York"],
        "Cdtr/PstlAdr/Ctry": ["US"],
        "Cdtr/PstlAdr/AdrLine": ["Suite 7", "at the back"],
        "CdtrAgt/FinInstnId/BICFI": ["CHASUS33"],
        "CdtrAgt/FinInstnId/ClrSysMmbId/ClrSysId/Cd": ["USABA"],
        "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId": ["021000021"],
        "CdtrAgt/FinInstnId/Nm": ["River Bank"],
        "CdtrAcct/Id/Othr/Id": ["021000021-44"],
        "CdtrAcct/Id/Othr/SchmeNm/Cd": ["BBAN"],
        "CdtrAcct/Id/Othr/Issr": ["ABA"],
        "RmtInf/Ustrd": ["thanks"],
        "RmtInf/Strd/RfrdDocInf/Tp/CdOrPrtry/Cd": ["CINV"],
        "RmtInf/Strd/RfrdDocInf/Tp/CdOrPrtry/Prtry": ["order"],
        "RmtInf/Strd/RfrdDocInf/Nb": ["INV-77-A", "4711"],
        "RmtInf/Strd/RfrdDocInf/RltdDt": ["2026-11-02"],
        "RmtInf/Strd/AddtlRmtInf": ["one", "two"],
        "RmtInf/Strd/CdtrRefInf/Tp/CdOrPrtry/Cd": ["SCOR"],
        "RmtInf/Strd/CdtrRefInf/Ref": ["RF18539007547034"],
    }
    assert {path: texts(message, path) for path in expected} == expected
    (view,) = await world.application.reads.get(PLATFORM.tenant or b"", [an_id("payment")])
    carried = dict((*view.clear.debtor_carried, *view.clear.creditor_carried))
    assert (view.uetr, view.instruction_identification) == (UETR, "INSTR-4711")
    assert carried["RmtInf/Strd/RfrdDocInf#2/Nb"] == "4711"
    assert carried["CdtrAcct/Id/Othr/Id"] == "021000021-44"


async def test_a_message_is_the_same_after_a_restart(world: World) -> None:
    """What was ordered is read from its events: whoever leads next tells the bank the same."""
    world.rail.is_broken = True
    await hand_in(world, ordered("payment", purpose=pb.CodeOrProprietary(code="SALA"), creditor_agent=AGENT))
    await world.reaches("payment", Status.RESERVED)
    await world.restart()
    world.rail.is_broken = False
    await world.reaches("payment", Status.SENT)
    assert texts(told(world), "Purp/Cd") == ["SALA"]
    assert texts(told(world), "CdtrAgt/FinInstnId/Nm") == ["River Bank"]


async def test_a_uetr_is_made_where_none_came(world: World) -> None:
    """It is a UUID of version 4, another for each payment, and the same whenever it is asked for."""
    await hand_in(world, ordered("one"), ordered("other"))
    await world.reaches("one", Status.SENT)
    await world.reaches("other", Status.SENT)
    made = texts(told(world), "PmtId/UETR")
    assert len(set(made)) == 2
    await world.restart()
    views = await world.application.reads.get(PLATFORM.tenant or b"", [an_id("one"), an_id("other")])
    assert [view.uetr for view in views] == made


async def test_a_uetr_is_used_once(world: World) -> None:
    """Within a batch, and also after the first has left memory and after a restart."""
    world.rest_rows = 1
    await world.restart()
    in_book = ordered("first", uetr=UETR, creditor_iban=BORIS)
    first, twin = await hand_in(world, in_book, ordered("twin", uetr=UETR))
    assert (first.reason, twin.reason) == ("", reasons.DUPLICATE_UETR)
    await world.until(lambda: not world.states.submissions.submissions)
    for name in ("later", "latest"):
        (view,) = await hand_in(world, ordered(name, uetr=UETR))
        assert (view.status, view.reason) == (Status.REJECTED, reasons.DUPLICATE_UETR)
        await world.restart()
    (another,) = await hand_in(world, ordered("another", uetr=UETR.replace("9a0c", "9a0d")))
    assert another.reason == ""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"uetr": UETR.upper()}, "UETR_INVALID"),
        ({"uetr": UETR.replace("-4c5f", "-1c5f")}, "UETR_INVALID"),
        ({"instruction_identification": "I" * 36}, "INSTRUCTION_IDENTIFICATION_INVALID"),
        ({"instruction_identification": " "}, "INSTRUCTION_IDENTIFICATION_INVALID"),
        ({"charge_bearer": 9}, "CHARGE_BEARER_INVALID"),
        ({"purpose": pb.CodeOrProprietary(code="salary")}, "PURPOSE_INVALID"),
        ({"purpose": pb.CodeOrProprietary(code="SALA", proprietary="pay")}, "PURPOSE_INVALID"),
        ({"purpose": pb.CodeOrProprietary(proprietary="P" * 36)}, "PURPOSE_INVALID"),
        ({"creditor_address": {"street_name": "Wall Street", "country": "US"}}, "CREDITOR_ADDRESS_INVALID"),
        ({"creditor_address": {"town_name": "New York", "country": "UK"}}, "CREDITOR_ADDRESS_INVALID"),
        ({"creditor_agent": pb.Agent(bic="CHASUS3")}, "CREDITOR_AGENT_INVALID"),
        ({"creditor_agent": pb.Agent(clearing_system="USABA")}, "CREDITOR_AGENT_INVALID"),
        ({"creditor_agent": pb.Agent(clearing_system="usaba", clearing_member="1")}, "CREDITOR_AGENT_INVALID"),
        ({"creditor_agent": pb.Agent(name="N" * 141)}, "PARTY_NAME_INVALID"),
        ({"creditor_account": ACCOUNT, "creditor_agent": AGENT}, "CREDITOR_ACCOUNT_INVALID"),
        ({"creditor_account": pb.OtherAccount(issuer="ABA")}, "CREDITOR_ACCOUNT_INVALID"),
        ({"creditor_iban": "", "creditor_account": ACCOUNT}, "CREDITOR_AGENT_REQUIRED"),
        (
            {"creditor_iban": "", "creditor_account": {"identification": BORIS}, "creditor_agent": AGENT},
            "CREDITOR_ACCOUNT_INVALID",
        ),
        (
            {"creditor_iban": "", "creditor_account": {"identification": "1" * 35}, "creditor_agent": AGENT},
            "CREDITOR_ACCOUNT_INVALID",
        ),
        ({"creditor_iban": ""}, "CREDITOR_IBAN_INVALID"),
        ({"structured_remittance": [pb.StructuredRemittance()]}, "REMITTANCE_INVALID"),
        ({"structured_remittance": [{"documents": [{"type": {"code": "INVO"}}]}]}, "REMITTANCE_INVALID"),
        ({"structured_remittance": [{"documents": [{"related_date": "2026-02-30"}]}]}, "REMITTANCE_INVALID"),
        ({"structured_remittance": [{"documents": [{}]}]}, "REMITTANCE_INVALID"),
        ({"structured_remittance": [{"creditor_reference_type": {"code": "SCOR"}}]}, "REMITTANCE_INVALID"),
        ({"structured_remittance": [{"creditor_reference": "R\u202e"}]}, "REMITTANCE_INVALID"),
        ({"structured_remittance": [{"additional_information": ["a"] * 4}]}, "REMITTANCE_INVALID"),
        ({"structured_remittance": [{"creditor_reference": "R"}] * 21}, "REMITTANCE_INVALID"),
        (
            {"structured_remittance": [{"additional_information": ["x" * 140] * 3}] * 20},
            "",
        ),
        (
            {"structured_remittance": [{"documents": [{"number": "7"}] * 20}] * 11},
            "INFORMATION_TOO_LONG",
        ),
    ],
)
def test_what_cannot_be_told_is_refused_by_name(changes: dict[str, Any], reason: str) -> None:
    """Everything that a bank could not be told as it is; the longest that it can is taken."""
    assert invalidity(mapping.order(ordered("order", **changes))) == reason


async def test_the_row_alone_is_refused(world: World) -> None:
    """Another of the batch goes its way."""
    wrong = ordered("wrong", purpose=pb.CodeOrProprietary(code="salary"))
    await hand_in(world, ordered("right"), wrong)
    await world.reaches("right", Status.SENT)
    assert (world.status("wrong"), world.reason("wrong")) == (Status.REJECTED, reasons.PURPOSE_INVALID)
    assert texts(told(world), "PmtId/EndToEndId") == ["right"]


async def test_the_same_batch_with_another_particular_is_another_batch(world: World) -> None:
    """What it tells is a part of what it is known by; without it, it is the batch that it always was."""
    await hand_in(world, ordered("one", purpose=pb.CodeOrProprietary(code="SALA")), submission=an_id("batch"))
    for changes in ({}, {"purpose": pb.CodeOrProprietary(code="TAXS")}, {"uetr": UETR}):
        with pytest.raises(SubmissionConflict):
            await hand_in(world, ordered("one", **changes), submission=an_id("batch"))


@pytest.mark.parametrize(
    ("changes", "payer", "reason"),
    [
        ({}, Payer("Anna Example", identification="7" * 36, scheme="NIDN"), "TRAVEL_RULE_INCOMPLETE"),
        ({}, Payer("Anna Example"), "TRAVEL_RULE_INCOMPLETE"),
        ({"amount_minor": 999_99}, Payer("Anna Example"), ""),
        ({"creditor_iban": GERMAN_STRANGER}, Payer("Anna Example"), ""),
        ({}, Payer("Anna Example", identification="7" * 35, scheme="NIDN", issuer="DE"), ""),
        ({}, Payer("Anna Example", "Lindenweg 4"), ""),
    ],
)
async def test_a_payment_that_tells_too_little_is_not_executed(
    world: World, changes: dict[str, Any], payer: Payer, reason: str
) -> None:
    """From 1,000.00 EUR across a border the payer has an address or a number, or the money stays."""
    world.payers.found[an_id("anna")] = payer
    await without_limits(world)
    await hand_in(world, ordered("payment", **({"amount_minor": 1_000_00} | changes)))
    if reason:
        await world.reaches("payment", Status.REJECTED)
        assert world.reason("payment") == reason
        await world.until(lambda: world.custody.balances[an_id("anna account")] == 1_000_00)
        assert not world.rail.sent
    else:
        await world.reaches("payment", Status.SENT)
        is_numbered = bool(payer.identification)
        assert texts(told(world), "Dbtr/Id/PrvtId/Othr/Id") == ([payer.identification] if is_numbered else [])


async def test_others_of_a_message_go_without_what_tells_too_little(world: World) -> None:
    """One is released, and the message has the other."""
    world.payers.found[an_id("anna")] = Payer("Anna Example")
    world.custody.balances[an_id("anna account")] = 2_000_00
    await without_limits(world)
    await hand_in(
        world,
        ordered("abroad", amount_minor=1_000_00),
        ordered("at home", amount_minor=1_000_00, creditor_iban=GERMAN_STRANGER),
    )
    await world.reaches("at home", Status.SENT)
    await world.reaches("abroad", Status.REJECTED)
    assert texts(told(world), "PmtId/EndToEndId") == ["at home"]


async def test_nothing_is_sent_while_it_is_not_known_who_pays(world: World) -> None:
    """It waits by name, and goes on by itself."""
    world.payers.is_away = True
    await hand_in(world, ordered("payment"))
    await world.until(lambda: world.reason("payment") == "IDENTITY_UNAVAILABLE")
    assert not world.rail.sent
    world.payers.is_away = False
    await world.reaches("payment", Status.SENT)


async def test_whoever_is_named_anywhere_is_screened(world: World) -> None:
    """The payee's bank of an order in fields; an invoicer deep in a file."""
    await hand_in(world, ordered("payment", creditor_agent=pb.Agent(name="Bad Actor")))
    await world.reaches("payment", Status.REJECTED)
    assert world.reason("payment") == reasons.SANCTIONS_HIT
    file = pain_001("FILE-1", ANNA, ("A", "10.00", STRANGER)).decode()
    structured = "<RmtInf><Strd><Invcr><Nm>Bad Actor</Nm></Invcr></Strd></RmtInf></CdtTrfTxInf>"
    answer = await world.submit_file(PLATFORM, file.replace("</CdtTrfTxInf>", structured).encode())
    submission, index = world.states.submissions.find(PLATFORM.tenant or b"", answer.instruction_ids[0]) or (None, 0)
    assert submission is not None
    await world.until(lambda: submission.statuses[index] == Status.REJECTED)
    assert submission.reason_of(index) == reasons.SANCTIONS_HIT


async def test_what_a_file_says_and_no_bank_can_be_told_is_named(world: World) -> None:
    """The answer names the element; the other payment of the file is made."""
    file = pain_001("FILE-1", ANNA, ("A", "10.00", STRANGER), ("B", "11.00", STRANGER)).decode()
    instruction = "</CdtrAcct><InstrForDbtrAgt>do not tell</InstrForDbtrAgt>"
    answer = await world.submit_file(PLATFORM, file.replace("</CdtrAcct>", instruction, 1).encode())
    assert said(answer.status_report, "Cd") == ["CH17"]
    assert said(answer.status_report, "AddtlInf") == ["INFORMATION_NOT_CARRIED: InstrForDbtrAgt"]
    await world.until(lambda: len(world.rail.sent) == 1)
    assert texts(told(world), "PmtId/EndToEndId") == ["B"]


async def test_a_file_to_an_account_without_iban_is_paid(world: World) -> None:
    """Its number goes to the bank as it stands, and comes back where the payment is read."""
    file = pain_001("FILE-1", ANNA, ("A", "10.00", STRANGER)).decode()
    file = file.replace(
        f"<CdtrAcct><Id><IBAN>{STRANGER}</IBAN></Id></CdtrAcct>",
        "<CdtrAcct><Id><Othr><Id>6222-0011</Id><SchmeNm><Cd>UPIC</Cd></SchmeNm></Othr></Id></CdtrAcct>",
    ).replace("<Cdtr>", "<CdtrAgt><FinInstnId><BIC>ICBKCNBJXXX</BIC></FinInstnId></CdtrAgt><Cdtr>")
    await world.submit_file(PLATFORM, file.encode())
    await world.until(lambda: len(world.rail.sent) == 1)
    assert texts(told(world), "CdtrAcct/Id/Othr/Id") == ["6222-0011"]
    assert texts(told(world), "CdtrAcct/Id/Othr/SchmeNm/Cd") == ["UPIC"]
    assert texts(told(world), "InitgPty/Nm") == ["Platform"]


async def test_an_erased_payer_leaves_nothing_of_what_was_told(world: World) -> None:
    """What is told of the payer's side is sealed with the payer's key, and what is told of the payee with the other."""
    structured = pb.StructuredRemittance(creditor_reference="INV-77-A")
    new = ordered("payment", creditor_iban=BORIS, structured_remittance=[structured], creditor_agent=AGENT)
    await hand_in(world, new)
    await world.reaches("payment", Status.SETTLED)
    world.identity.erased.add(an_id("anna"))
    await world.restart()
    (view,) = await world.application.reads.get(PLATFORM.tenant or b"", [an_id("payment")])
    assert (view.clear.debtor_carried, view.clear.debtor_iban) == ((), "")
    assert ("CdtrAgt/FinInstnId/Nm", "River Bank") in view.clear.creditor_carried


async def test_the_same_invoice_twice_is_the_same_payment(world: World) -> None:
    """Structured remittance tells payments apart as free text does."""
    world.duplicate_days = 1
    await world.restart()

    def of_invoice(name: str, number: str) -> pb.NewInstruction:
        return ordered(name, structured_remittance=[pb.StructuredRemittance(creditor_reference=number)])

    await hand_in(world, of_invoice("first", "INV-1"))
    await world.reaches("first", Status.SENT)
    await hand_in(world, of_invoice("second", "INV-2"), of_invoice("again", "INV-1"))
    await world.reaches("second", Status.SENT)
    await world.reaches("again", Status.HELD)
    assert world.reason("again") == reasons.POSSIBLE_DUPLICATE


def test_an_order_as_it_always_was_is_known_by_what_it_was() -> None:
    """The digests of orders that tell no more are those of earlier releases."""
    plain = order("one", parties=(("UltmtDbtr", "Who pays"),))
    same = order("one", parties=(("UltmtDbtr", "Who pays"),), carried=(("UltmtDbtr/Nm", "Who pays"),))
    assert digest([plain]) == digest([same])
    assert digest([plain]) != digest([order("one", parties=(("UltmtDbtr", "Who pays"),), uetr=UETR)])
