"""What moves beside clients' payments: fees, suspense, the platform's own money, guarantees."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.values.money import MAX_AMOUNT_MINOR
from ringfence_local_stack.pytest_plugin import FilledDatabase
from ringfence_payment_instruction.deposits.application import sealing
from ringfence_payment_instruction.deposits.domain.errors import SuspendedEntryUnknown
from ringfence_payment_instruction.deposits.domain.evidence import entry_id
from ringfence_payment_instruction.flows.application.charging import Fee, fee_id
from ringfence_payment_instruction.flows.application.clearing import MOST_ATTEMPTS, OWN_ATTEMPTS, Named, clearing_id
from ringfence_payment_instruction.flows.domain.errors import (
    FeeAgreementConflict,
    FeeAgreementUnknown,
    PayerUnknown,
    SuspenseAttempts,
    SuspenseBlocked,
)
from ringfence_payment_instruction.flows.domain.events import FeeAgreed
from ringfence_payment_instruction.limits.domain.bounds import Bounds, InstallationLimits
from ringfence_payment_instruction.settlement.domain.transfers import Purpose, refusal
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.errors import SubmissionConflict, TenantForbidden
from ringfence_payment_instruction.submissions.domain.orders import Order, OrderPurpose, shortfall_account
from ringfence_payment_instruction.submissions.domain.status import Directive, Status
from ringfence_payment_instruction.submissions.domain.submission import transfer_id_of

from .messages import camt_054, entry
from .world import (
    ANNA,
    APPROVER,
    BANK,
    BANK_FEED,
    BORIS,
    EUR,
    FOREIGN,
    MIRROR,
    OPERATOR,
    OTHER_TENANT,
    PLATFORM,
    STRANGER,
    SUSPENSE,
    TENANT,
    World,
    an_id,
    caller,
    migrate,
    order,
)

FEES, OWN, GUARANTEE = an_id("fee account"), an_id("platform account"), an_id("guarantee account")
AGREEMENT = an_id("agreement")
OTHER_OPERATOR = caller(an_id("other operator"), None)
ANNA_ACCOUNT, BORIS_ACCOUNT = an_id("anna account"), an_id("boris account")


@pytest.fixture
async def flowing(filled_database: FilledDatabase) -> AsyncIterator[World]:
    """The application with accounts of the book's own: the platform has 500.00 EUR."""
    limits = InstallationLimits({EUR: Bounds(200_00, MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR)})
    world = World(filled_database("payment-instruction", migrate), limits)
    world.custody.balances |= {FEES: 0, OWN: 500_00, GUARANTEE: 0, SUSPENSE: 0}
    await world.start()
    await world.import_list()
    yield world
    await world.stop()


def agreed(**changes: Any) -> FeeAgreed:
    """Returns Anna's agreement: 5.00 EUR at most, from today on."""
    today = 20_000
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "agreement": AGREEMENT,
        "client": an_id("anna"),
        "kind": "monthly",
        "ledger": EUR,
        "maximum_minor": 5_00,
        "rate_ppm": 0,
        "from_day": today,
        "until_day": 60_000,
        "document_sha256": b"d" * 32,
        "agreed_by": PLATFORM.subject,
    }
    return FeeAgreed(**(fields | changes))


def fee(name: str, amount_minor: int = 5_00, base: bytes = b"", **changes: Any) -> Fee:
    """Returns a fee of Anna's."""
    fields: dict[str, Any] = {
        "instruction_id": an_id(name),
        "end_to_end_id": name,
        "debtor_iban": ANNA,
        "creditor_iban": "",
        "creditor_name": "",
        "amount_minor": amount_minor,
        "currency": "EUR",
        "purpose": OrderPurpose.FEE,
        "creditor_account": FEES,
        "mandate": AGREEMENT,
    }
    return Fee(Order(**(fields | changes)), base)


async def charge(world: World, *fees: Fee, by: Any = PLATFORM) -> list[tuple[int, str]]:
    """Charges fees under a submission of their own; where each stands, and why."""
    views = await world.application.flows.charging.charge(by, an_id(f"of {fees[0].order.end_to_end_id}"), fees)
    return [(view.status, view.reason) for view in views]


async def suspended(
    world: World, reference: str, amount: str = "30.00", payer: str = "Some Payer", more: str = ""
) -> Named:
    """Has money of nobody come in, and returns where it lies."""
    content = entry(reference, amount, "GB29NWBK60161331926819", payer=payer)
    content = content.replace("</Dbtr>", f"</Dbtr><DbtrAcct><Id><IBAN>{STRANGER}</IBAN></Id></DbtrAcct>{more}")
    await world.application.statements.receiving.hand_in(BANK_FEED, camt_054(f"M-{reference}", BANK, content))
    return Named(TENANT, world.row_of(reference), SUSPENSE)


class _Reference:
    """What an entry's id is made of."""

    def __init__(self, account_iban: str, reference: str) -> None:
        self.account_iban, self.reference = account_iban, reference


async def test_a_fee_is_debited_within_its_agreement(flowing: World) -> None:
    """To the account for fees, for its purpose, with the agreement as mandate; again it is the same."""
    await flowing.application.flows.agreements.agree(agreed())
    await flowing.restart()
    for _ in range(2):
        assert await charge(flowing, fee("monthly")) == [(Status.AUTHENTICATED, "")]
    await flowing.reaches("monthly", Status.SETTLED)
    transfer = flowing.custody.transfers[transfer_id_of(TENANT, an_id("monthly"))]
    assert (transfer.purpose, transfer.subject, transfer.credit_account) == (Purpose.FEE, AGREEMENT, FEES)
    assert (flowing.custody.balances[FEES], flowing.custody.balances[ANNA_ACCOUNT]) == (5_00, 995_00)


@pytest.mark.parametrize(
    ("agreement", "asked", "reason"),
    [
        ({}, {"amount_minor": 5_01}, reasons.FEE_EXCEEDS_AGREEMENT),
        ({}, {"debtor_iban": BORIS}, reasons.FEE_NOT_AGREED),
        ({}, {"debtor_iban": FOREIGN}, reasons.DEBTOR_ACCOUNT_UNKNOWN),
        ({}, {"debtor_iban": STRANGER}, reasons.DEBTOR_ACCOUNT_UNKNOWN),
        ({}, {"currency": "USD"}, reasons.FEE_NOT_AGREED),
        ({}, {"mandate": an_id("another agreement")}, reasons.FEE_NOT_AGREED),
        ({"until_day": 20_000}, {}, reasons.FEE_NOT_AGREED),
        ({"from_day": 60_000}, {}, reasons.FEE_NOT_AGREED),
        ({"rate_ppm": 10_000}, {}, reasons.FEE_NOT_AGREED),
        ({}, {"amount_minor": 0}, reasons.AMOUNT_INVALID),
        ({"tenant": OTHER_TENANT}, {}, reasons.FEE_NOT_AGREED),
    ],
)
async def test_outside_its_agreement_a_fee_is_refused(
    flowing: World, agreement: dict[str, Any], asked: dict[str, Any], reason: str
) -> None:
    """By amount, client, currency, day, base or platform; nothing moves."""
    await flowing.application.flows.agreements.agree(agreed(**agreement))
    assert await charge(flowing, fee("fee", **asked)) == [(Status.REJECTED, reason)]
    assert flowing.custody.calls == 0


async def test_a_rate_is_of_the_clients_own_payment_and_once(flowing: World) -> None:
    """One per cent of 100.00 is 1.00; a second fee for it, or one for another's payment, is refused."""
    await flowing.application.flows.agreements.agree(agreed(rate_ppm=10_000))
    await flowing.submit_batch(PLATFORM, an_id("s"), [order("paid", 100_00)])
    await flowing.reaches("paid", Status.SETTLED)
    assert await charge(flowing, fee("1", 1_01, an_id("paid"))) == [(Status.REJECTED, reasons.FEE_EXCEEDS_AGREEMENT)]
    await flowing.application.flows.agreements.agree(agreed(agreement=an_id("second"), rate_ppm=10_000))
    second = fee("2", 1_00, an_id("paid"), mandate=an_id("second"))
    assert await charge(flowing, second) == [(Status.AUTHENTICATED, "")]
    await flowing.until(lambda: flowing.custody.balances[FEES] == 1_00)
    again = fee("3", 1_00, an_id("paid"), mandate=an_id("second"))
    assert await charge(flowing, again) == [(Status.REJECTED, reasons.DUPLICATE_INSTRUCTION_ID)]
    assert await charge(flowing, fee("4", 1, an_id("unheard of"))) == [(Status.REJECTED, reasons.FEE_NOT_AGREED)]
    assert flowing.states.submissions.is_used(TENANT, fee_id(TENANT, "monthly", an_id("paid")))


async def test_a_fee_is_for_a_payment_that_happens_and_once_of_its_kind(flowing: World) -> None:
    """Scheduled, held or withdrawn it is none yet, and no try uses up the fee; another agreement is no second one."""
    agreements = flowing.application.flows.agreements
    await agreements.agree(agreed(rate_ppm=10_000))
    await agreements.agree(agreed(agreement=an_id("second"), rate_ppm=10_000))
    await flowing.submit_batch(PLATFORM, an_id("s"), [order("held", 200_01)])
    later = order("later", 100_00, execution_day=flowing.clock.now_ns() // DAY_NS + 2)
    await flowing.submit_batch(PLATFORM, an_id("t"), [later])
    await flowing.reaches("held", Status.HELD)
    refused = [(Status.REJECTED, reasons.FEE_NOT_AGREED)]
    for name in ("held", "later"):
        assert await charge(flowing, fee(f"1 {name}", 1_00, an_id(name))) == refused
    await flowing.application.approvals.decide(APPROVER, TENANT, [an_id("held")], Directive.APPROVE, "")
    await flowing.reaches("held", Status.SETTLED)
    second = fee("2", 1_00, an_id("held"), mandate=an_id("second"))
    for _ in range(2):
        assert await charge(flowing, second) == [(Status.AUTHENTICATED, "")]
    (again,) = await charge(flowing, fee("3", 1_00, an_id("held")))
    assert again == (Status.REJECTED, reasons.DUPLICATE_INSTRUCTION_ID)


async def test_an_agreement_stands_for_one_content_and_ends(flowing: World) -> None:
    """Recorded once; ended it is no ground for fees any more, and nobody takes its id again."""
    agreements = flowing.application.flows.agreements
    for _ in range(2):
        await agreements.agree(agreed())
    with pytest.raises(FeeAgreementConflict):
        await agreements.agree(agreed(maximum_minor=6_00))
    with pytest.raises(FeeAgreementUnknown):
        await agreements.end(PLATFORM, OTHER_TENANT, AGREEMENT)
    for _ in range(2):
        await agreements.end(PLATFORM, TENANT, AGREEMENT)
    await flowing.restart()
    assert await charge(flowing, fee("late")) == [(Status.REJECTED, reasons.FEE_NOT_AGREED)]
    with pytest.raises(FeeAgreementConflict):
        await flowing.application.flows.agreements.agree(agreed())
    with pytest.raises(TenantForbidden):
        await charge(flowing, fee("operator's"), by=OPERATOR)


async def test_a_fee_of_an_erased_client_is_refused(flowing: World) -> None:
    """Nothing is debited of somebody of whom nothing may be read."""
    await flowing.application.flows.agreements.agree(agreed())
    flowing.identity.erased.add(an_id("anna"))
    await charge(flowing, fee("fee"))
    flowing.application.submissions.personal.forget_all()
    await flowing.until(lambda: flowing.status("fee") in (Status.REJECTED, Status.SETTLED))
    assert (flowing.status("fee"), flowing.reason("fee")) == (Status.REJECTED, reasons.SUBJECT_ERASED)


async def test_suspense_goes_to_its_owner_by_two_operators(flowing: World) -> None:
    """Whole, once, with the entry as mandate; neither the first operator nor the platform's people approve."""
    named = await suspended(flowing, "R1")
    clearing, decide = flowing.application.flows.clearing, flowing.application.approvals.decide
    for _ in range(2):
        await clearing.allocate(OPERATOR, named, BORIS, b"")
    identifier = clearing_id(TENANT, named.entry, 0)
    await flowing.until(lambda: _at(flowing, identifier) is Status.HELD)
    with pytest.raises(SubmissionConflict):
        await clearing.allocate(OPERATOR, named, ANNA, b"")
    for wrong, why in ((OPERATOR, reasons.APPROVER_IS_MAKER), (APPROVER, reasons.OPERATOR_REQUIRED)):
        (view,) = await decide(wrong, TENANT, [identifier], Directive.APPROVE, "")
        assert (view.status, view.reason) == (Status.HELD, why)
    await decide(OTHER_OPERATOR, TENANT, [identifier], Directive.APPROVE, "")
    await flowing.until(lambda: _at(flowing, identifier) is Status.SETTLED)
    transfer = flowing.custody.transfers[transfer_id_of(TENANT, identifier)]
    assert (transfer.purpose, transfer.subject) == (Purpose.SUSPENSE_ALLOCATION, named.entry)
    assert (flowing.custody.balances[SUSPENSE], flowing.custody.balances[BORIS_ACCOUNT]) == (0, 30_00)
    with pytest.raises(SubmissionConflict):
        await clearing.give_back(OTHER_OPERATOR, named, BANK)


async def test_what_was_refused_may_be_cleared_otherwise(flowing: World) -> None:
    """A refused allocation is none: the money goes back to its payer, by the bank, and only to him."""
    named = await suspended(flowing, "R1")
    clearing, decide = flowing.application.flows.clearing, flowing.application.approvals.decide
    await clearing.allocate(OPERATOR, named, BORIS, b"")
    first, second = (clearing_id(TENANT, named.entry, attempt) for attempt in (0, 1))
    await flowing.until(lambda: _at(flowing, first) is Status.HELD)
    await decide(OTHER_OPERATOR, TENANT, [first], Directive.REJECT, "not his")
    await flowing.restart()
    await flowing.application.flows.clearing.give_back(OPERATOR, named, BANK)
    await flowing.until(lambda: _at(flowing, second) is Status.HELD)
    await flowing.application.approvals.decide(OTHER_OPERATOR, TENANT, [second], Directive.APPROVE, "")
    await flowing.until(lambda: _at(flowing, second) is Status.SENT)
    (message,) = flowing.rail.sent.values()
    assert all(text.encode() in message for text in (STRANGER, BANK, "Some Payer"))
    transfer = flowing.custody.transfers[transfer_id_of(TENANT, second)]
    assert (transfer.purpose, transfer.credit_account) == (Purpose.SUSPENSE_RETURN, MIRROR)


async def test_suspense_that_may_not_move_stays(flowing: World) -> None:
    """Of a payer on a list, of another tenant, of nobody; to an IBAN that is no client's; without a payer's account."""
    clearing = flowing.application.flows.clearing
    listed = await suspended(flowing, "R1", payer="Bad Actor")
    with pytest.raises(SuspenseBlocked):
        await clearing.allocate(OPERATOR, listed, BORIS, b"")
    with pytest.raises(SuspenseBlocked):
        await clearing.give_back(OPERATOR, listed, BANK)
    named = await suspended(flowing, "R2")
    for unknown in (named._replace(tenant=OTHER_TENANT), named._replace(entry=an_id("nothing"))):
        with pytest.raises(SuspendedEntryUnknown):
            await clearing.allocate(OPERATOR, unknown, BORIS, b"")
    for stranger in (FOREIGN, STRANGER):
        view = await clearing.allocate(OPERATOR, named, stranger, b"")
        assert (view.status, view.reason) == (Status.REJECTED, reasons.CREDITOR_ACCOUNT_FORBIDDEN)
    view = await clearing.give_back(OPERATOR, named, ANNA)
    assert (view.status, view.reason) == (Status.REJECTED, reasons.BANK_ACCOUNT_REQUIRED)
    await flowing.application.statements.receiving.hand_in(
        BANK_FEED, camt_054("M-R3", BANK, entry("R3", "1.00", STRANGER))
    )
    with pytest.raises(PayerUnknown):
        await clearing.give_back(OPERATOR, named._replace(entry=entry_id(TENANT, _Reference(BANK, "R3"))), BANK)


@pytest.mark.parametrize("listed", [b"Some Payer", b"Ultimate Payer"], ids=["payer", "another"])
async def test_whoever_the_bank_named_is_screened_when_suspense_goes_on(flowing: World, listed: bytes) -> None:
    """By the lists of that day: the payer, and everybody whom the entry names beside; it is refused by name."""
    named = await suspended(flowing, "R1", more="<UltmtDbtr><Nm>Ultimate Payer</Nm></UltmtDbtr>")
    await flowing.import_list(b"name,kind,reference\n" + listed + b",person,X-7\nBad Actor,person,X-1\n")
    clearing = flowing.application.flows.clearing
    for refused in (clearing.allocate(OPERATOR, named, BORIS, b""), clearing.give_back(OPERATOR, named, BANK)):
        with pytest.raises(SuspenseBlocked):
            await refused


async def test_an_entry_of_an_earlier_release_goes_on(flowing: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the texts of payer and payee, and names nobody beside."""
    encode = sealing._encode
    monkeypatch.setattr(sealing, "_encode", lambda content: encode(content[:5]))
    named = await suspended(flowing, "R1")
    await flowing.application.flows.clearing.give_back(OPERATOR, named, BANK)
    await flowing.until(lambda: _at(flowing, clearing_id(TENANT, named.entry, 0)) is Status.HELD)


async def test_no_operator_alone_locks_an_entry(flowing: World) -> None:
    """What could never be done uses no attempt; of those that came to nothing one operator has a share."""
    named = await suspended(flowing, "R1")
    clearing, decide = flowing.application.flows.clearing, flowing.application.approvals.decide
    for _ in range(MOST_ATTEMPTS + 1):
        assert (await clearing.allocate(OPERATOR, named, STRANGER, b"")).status == Status.REJECTED
    for _ in range(OWN_ATTEMPTS):
        view = await clearing.allocate(OPERATOR, named, BORIS, b"")
        await decide(OPERATOR, TENANT, [view.instruction_id], Directive.CANCEL, "")
    with pytest.raises(SuspenseAttempts):
        await clearing.allocate(OPERATOR, named, BORIS, b"")
    assert (await clearing.allocate(OTHER_OPERATOR, named, BORIS, b"")).status != Status.REJECTED


def own(name: str, purpose: OrderPurpose, amount_minor: int, **changes: Any) -> Order:
    """Returns an order about the platform's own money."""
    fields: dict[str, Any] = {
        "instruction_id": an_id(name),
        "end_to_end_id": name,
        "debtor_iban": "",
        "creditor_iban": "",
        "creditor_name": "",
        "amount_minor": amount_minor,
        "currency": "EUR",
        "purpose": purpose,
        "debtor_account": OWN,
    }
    return Order(**(fields | changes))


async def test_the_platforms_own_money_goes_out_screened_and_within_limits(flowing: World) -> None:
    """By the bank, for its purpose; a listed payee is refused, a large sum held, a client's IBAN no payee."""
    move = flowing.application.flows.ordering.move_own
    to = {"creditor_iban": STRANGER, "creditor_name": "Landlord", "debtor_iban": BANK}
    rows = {
        "rent": own("rent", OrderPurpose.PLATFORM_PAYOUT, 100_00, **to),
        "listed": own("listed", OrderPurpose.PLATFORM_PAYOUT, 1_00, **to | {"creditor_name": "Bad Actor"}),
        "large": own("large", OrderPurpose.PLATFORM_PAYOUT, 200_01, **to),
        "inside": own("inside", OrderPurpose.PLATFORM_PAYOUT, 1_00, **to | {"creditor_iban": BORIS}),
        "no bank": own("no bank", OrderPurpose.PLATFORM_PAYOUT, 1_00, **to | {"debtor_iban": ANNA}),
    }
    for name, each in rows.items():
        await move(PLATFORM, an_id(f"of {name}"), [each])
    await flowing.reaches("rent", Status.SENT)
    await flowing.reaches("large", Status.HELD)
    await flowing.reaches("listed", Status.REJECTED)
    assert [flowing.reason(name) for name in ("listed", "inside", "no bank")] == [
        reasons.SANCTIONS_HIT, reasons.CREDITOR_ACCOUNT_FORBIDDEN, reasons.BANK_ACCOUNT_REQUIRED,
    ]  # fmt: skip
    assert flowing.custody.transfers[transfer_id_of(TENANT, an_id("rent"))].purpose is Purpose.PLATFORM_PAYOUT
    with pytest.raises(TenantForbidden):
        await move(OPERATOR, an_id("s"), [rows["rent"]])


async def test_a_guarantee_is_funded_by_the_platforms_own_money(flowing: World) -> None:
    """Within the book, under the instruction as mandate."""
    row = own("guarantee", OrderPurpose.GUARANTEE_FUNDING, 50_00, creditor_account=GUARANTEE)
    await flowing.application.flows.ordering.move_own(PLATFORM, an_id("s"), [row])
    await flowing.reaches("guarantee", Status.SETTLED)
    transfer = flowing.custody.transfers[transfer_id_of(TENANT, an_id("guarantee"))]
    assert (transfer.purpose, transfer.subject) == (Purpose.GUARANTEE_FUNDING, an_id("guarantee"))
    assert (flowing.custody.balances[OWN], flowing.custody.balances[GUARANTEE]) == (450_00, 50_00)


async def test_what_is_owed_is_funded_by_the_platforms_own_money(flowing: World) -> None:
    """To custody's account of the currency, whichever it is; what is refused while it is not funded says so."""
    owed = shortfall_account(978)
    row = own("funding", OrderPurpose.SHORTFALL_FUNDING, 50_00)
    flowing.custody.balances[owed] = -50_00
    await flowing.application.flows.ordering.fund_shortfall(PLATFORM, row)
    await flowing.reaches("funding", Status.SETTLED)
    transfer = flowing.custody.transfers[transfer_id_of(TENANT, an_id("funding"))]
    assert (transfer.purpose, transfer.credit_account) == (Purpose.SHORTFALL_FUNDING, owed)
    assert (flowing.custody.balances[OWN], flowing.custody.balances[owed]) == (450_00, 0)
    assert refusal("shortfall_unfunded") == reasons.SHORTFALL_UNFUNDED


def _at(world: World, instruction_id: bytes) -> Status:
    found = world.states.submissions.find(TENANT, instruction_id)
    assert found is not None
    submission, index = found
    return Status(submission.statuses[index])
