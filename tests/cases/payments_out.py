"""What the bank is told of a payment, and what its answer does."""

from __future__ import annotations

from ringfence import new_id
from ringfence.addresses import PostalAddress
from ringfence.particulars import Agent, ChargeBearer, Code, Document, OtherAccount, StructuredRemittance
from ringfence.payments import InstructionStatus, NewInstruction
from ringfence_local_stack.scenario import Bank, Payment, Scenario, eventually, fresh, new_iban
from ringfence_local_stack.scenario.messages import (
    order,
    order_file,
    payment_return,
    report_row,
    return_row,
    status_report,
)

from .registry import Finding, case

UETR = "9d7f5a34-1c61-4b7e-8f0a-2f6f3f0c5d11"
FAILED, SENT = InstructionStatus.FAILED, InstructionStatus.SENT
ANSWER_SECONDS = 2.0


def _ends(payment: Payment) -> str:
    """Returns the state a little after the bank's answer was taken in."""
    try:
        payment.wait_for(FAILED, seconds=ANSWER_SECONDS)
    except AssertionError:
        pass
    return payment.look().state.status.name


@case()
def refused_by_the_bank(scenario: Scenario, need: Finding) -> None:
    """A payment that the bank refuses has failed, and its money is free again."""
    _end_by_code(scenario, need, "RJCT")


@case()
def final_codes(scenario: Scenario, need: Finding) -> None:
    """A payment that the bank has cancelled or blocked has failed, as one that it refused."""
    _end_by_code(scenario, need, "CANC", "BLCK")


def _end_by_code(scenario: Scenario, need: Finding, *codes: str) -> None:
    platform = scenario.platform("Nora Vale")
    nora = platform.customer("Nora Vale")
    platform.bank.deposit(nora, 10_00)
    for code in codes:
        payment = platform.pay(nora, new_iban(), "Alpha Teal", 1_00)
        platform.bank.answer(payment, code)
        status, reserved = _ends(payment), nora.account.reserved_minor
        need(status == "FAILED", f"{code} leaves the payment {status}")
        need(status != "FAILED" or not reserved, f"{code}: {reserved} still set aside")


def _answer_by_end_to_end_id(bank: Bank, payment: Payment) -> str:
    _, sent = bank.sent(payment)
    return bank.lay_in(status_report(sent.message_id, [report_row("RJCT", end_to_end_id=sent.end_to_end_id)]))


@case()
def answer_without_transaction_id(scenario: Scenario, need: Finding) -> None:
    """An answer by message and end-to-end id is about that payment; where two bear the id, it decides neither."""
    platform = scenario.platform("Nora Vale")
    nora = platform.customer("Nora Vale")
    platform.bank.deposit(nora, 10_00)
    payment = platform.pay(nora, new_iban(), "Alpha Teal", 1_00)
    _answer_by_end_to_end_id(platform.bank, payment)
    need((status := _ends(payment)) == "FAILED", f"one payment fits, and stays {status}")
    twins = platform.submit(
        [platform.order(nora.iban, new_iban(), "Alpha Teal", 1_00, end_to_end_id="TWIN") for _ in range(2)]
    )
    twins[1].wait_for(SENT)
    _answer_by_end_to_end_id(platform.bank, twins[0])
    ends = {_ends(each) for each in twins}
    need(ends == {"SENT"}, f"two payments fit, and became {' and '.join(sorted(ends))}")


@case()
def returned_payment(scenario: Scenario, need: Finding) -> None:
    """Money of a payment that the bank has made and returns is its payer's again, once."""
    platform = scenario.platform("Nora Vale")
    nora = platform.customer("Nora Vale")
    platform.bank.deposit(nora, 10_00)
    payment = platform.pay(nora, new_iban(), "Alpha Teal", 1_00)
    platform.bank.answer(payment, "ACSC")
    payment.wait_for(InstructionStatus.SETTLED)
    _, sent = platform.bank.sent(payment)
    for _ in range(2):
        row = return_row(1_00, transaction_id=sent.transaction_id)
        need(platform.bank.lay_in(payment_return(sent.message_id, [row])) == "archive", "the return is not taken")
    eventually(lambda: nora.account.posted_minor == 10_00, ANSWER_SECONDS)
    need(payment.look().state.status is InstructionStatus.RETURNED, f"it is {payment.look().state.status.name}")
    need(nora.account.posted_minor == 10_00, f"the payer has {nora.account.posted_minor}")
    need(platform.bank.holds_minor == 10_00, f"the mirror has {platform.bank.holds_minor}")


CARRIED = {
    "an invoice number": ({"invoice": "INV-77-A"}, "RmtInf/Strd/RfrdDocInf/Nb", "INV-77-A"),
    "charges DEBT": ({"charges": "DEBT"}, "ChrgBr", "DEBT"),
    "charges SLEV": ({"charges": "SLEV"}, "ChrgBr", "SLEV"),
    "the UETR": (
        {"uetr": "9d7f5a34-1c61-4b7e-8f0a-2f6f3f0c5d11"},
        "PmtId/UETR",
        "9d7f5a34-1c61-4b7e-8f0a-2f6f3f0c5d11",
    ),
    "the instruction id": ({"instruction_id": "INSTR-4711"}, "PmtId/InstrId", "INSTR-4711"),
    "the purpose": ({"purpose": "SALA"}, "Purp/Cd", "SALA"),
}
"""What a platform may say in an order, where it must stand in what is sent, and in which words."""


@case()
def carried_to_the_bank(scenario: Scenario, need: Finding) -> None:
    """What an order says reaches the bank, or the order is refused by a name."""
    platform = scenario.platform("Nora Vale")
    nora = platform.customer("Nora Vale")
    platform.bank.deposit(nora, 10_00)
    for what, (said, path, wanted) in CARRIED.items():
        _, payments = platform.submit_file(order_file(nora.iban, [order(1_00, new_iban(), "Alpha Teal", **said)]))
        status, reason = payments[0].outcome() if payments else ("REJECTED", "the file")
        if status == "REJECTED":
            need(reason, f"{what}: refused without a name")
            continue
        _, sent = platform.bank.sent(payments[0])
        need(sent.text(path) == wanted, f"{what}: the bank reads {sent.text(path)}")


@case()
def payer_is_named_to_the_bank(scenario: Scenario, need: Finding) -> None:
    """A payment that names an IBAN alone goes out under the registered name and address of its payer."""
    platform = scenario.platform()
    (nora,) = platform.enrol([platform.party("Nora Vale", address="Lindenweg 4, 10115 Berlin")])
    platform.bank.deposit(nora, 10_00)
    _, sent = platform.bank.sent(platform.pay(nora, new_iban(), "Alpha Teal", 1_00, end_to_end_id=fresh("E")))
    need(sent.text("Dbtr/Nm") == "Nora Vale", f"the bank reads {sent.text('Dbtr/Nm')}")
    need(sent.has("Dbtr/PstlAdr"), "the bank reads no address")


@case()
def order_in_fields_is_told_to_the_bank(scenario: Scenario, need: Finding) -> None:
    """What an order over gRPC says in fields reaches the bank, and so does the payer's address in fields."""
    platform = scenario.platform()
    where = PostalAddress(
        street_name="Lindenweg", building_number="4", post_code="10115", town_name="Berlin", country="DE"
    )
    (nora,) = platform.enrol([platform.party("Nora Vale", postal_address=where)])
    platform.bank.deposit(nora, 10_00)
    order = NewInstruction(
        id=new_id(),
        end_to_end_id=fresh("E"),
        debtor_iban=nora.iban,
        creditor_iban="",
        creditor_name="Alpha Teal",
        amount_minor=1_00,
        currency="EUR",
        ultimate_debtor_name="Who Pays",
        uetr=UETR,
        instruction_identification="INSTR-4711",
        charge_bearer=ChargeBearer.DEBTOR,
        purpose=Code("SALA"),
        structured_remittance=[StructuredRemittance(documents=[Document(type=Code("CINV"), number="INV-77-A")])],
        creditor_address=PostalAddress(town_name="New York", country="US"),
        creditor_agent=Agent(bic="CHASUS33"),
        creditor_account=OtherAccount(identification="021000021-44", scheme=Code("BBAN")),
    )
    (payment,) = platform.submit([order])
    _, sent = platform.bank.sent(payment)
    told = {path: sent.text(path) for path in IN_FIELDS}
    need(told == IN_FIELDS, f"the bank reads {told}")
    read = payment.look()
    need(read.uetr == UETR, f"it is read with the UETR {read.uetr}")
    need(("Cdtr/PstlAdr/TwnNm", "New York") in read.carried, f"it is read with {read.carried}")


IN_FIELDS = {
    "PmtId/InstrId": "INSTR-4711",
    "PmtId/UETR": UETR,
    "ChrgBr": "DEBT",
    "UltmtDbtr/Nm": "Who Pays",
    "Dbtr/Nm": "Nora Vale",
    "Dbtr/PstlAdr/StrtNm": "Lindenweg",
    "Dbtr/PstlAdr/BldgNb": "4",
    "Dbtr/PstlAdr/PstCd": "10115",
    "Dbtr/PstlAdr/TwnNm": "Berlin",
    "Dbtr/PstlAdr/Ctry": "DE",
    "CdtrAgt/FinInstnId/BICFI": "CHASUS33",
    "Cdtr/PstlAdr/TwnNm": "New York",
    "Cdtr/PstlAdr/Ctry": "US",
    "CdtrAcct/Id/Othr/Id": "021000021-44",
    "CdtrAcct/Id/Othr/SchmeNm/Cd": "BBAN",
    "Purp/Cd": "SALA",
    "RmtInf/Strd/RfrdDocInf/Tp/CdOrPrtry/Cd": "CINV",
    "RmtInf/Strd/RfrdDocInf/Nb": "INV-77-A",
}
