"""What a bank does to money that it has brought: each row is posted once, whatever ends in between, and in turn."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from ringfence_kernel.values.columns import pack
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_payment_instruction.deposits.application.sealing import seal_entries
from ringfence_payment_instruction.deposits.domain.events import EvidenceApplied, EvidenceReceived
from ringfence_payment_instruction.deposits.domain.evidence import (
    CREDITOR_UNKNOWN,
    PAYER_ON_SANCTIONS_LIST,
    BankEntry,
    Disposition,
    Outcome,
    row_id,
)
from ringfence_payment_instruction.deposits.domain.matching import MatchedEntry
from ringfence_payment_instruction.deposits.domain.turns import held_back
from ringfence_payment_instruction.flows.application.clearing import Named
from ringfence_payment_instruction.modules import event_codec
from ringfence_payment_instruction.settlement.domain.transfers import TransferKind
from ringfence_payment_instruction.submissions.domain.orders import shortfall_account
from ringfence_payment_instruction.submissions.domain.reasons import DEPOSIT_REVERSED
from ringfence_payment_instruction.submissions.domain.status import Directive, Status

from .test_payment_screening import LISTED_NAME, list_it
from .test_payment_waiting_deposits import done
from .world import (
    ANNA,
    BANK,
    BANK_FEED,
    BORIS,
    EUR,
    MIRROR,
    OPERATOR,
    PLATFORM,
    SECOND_OPERATOR,
    STRANGER,
    SUSPENSE,
    TENANT,
    World,
    an_id,
    order,
)

D = Disposition
OWED = shortfall_account(EUR)
ANNAS, BORISS = an_id("anna account"), an_id("boris account")
ACCOUNTS = {ANNA: ANNAS, BORIS: BORISS}
TO_SUSPENSE = (D.CREDIT_SUSPENSE, D.RESTORE)

Row = tuple[Disposition, str, int]
"""What to post: what it is good for, the client's IBAN or nothing, minor units."""


async def tell(world: World, name: str, *rows: Row, payer: str = "Some Payer", origin: bytes = b"") -> bytes:
    """Has rows handed to deposits, as a telling of the bank decides them; returns their stream.

    `origin` is the entry that has brought what all of them allot or take back.
    """
    stream, owner = an_id(f"stream {name}"), world.identity.aliases
    mirror = owner[BANK]
    matched = [
        MatchedEntry(
            row_id(an_id(f"{name}/{part}"), part, disposition),
            an_id(f"{name}/{part}") * 2,
            BankEntry(BANK, name, amount, "EUR", "CRDT", False, "BOOK", 20_000, debtor_name=payer),
            mirror,
            disposition,
            owner[iban] if iban else None,
            reason=CREDITOR_UNKNOWN if disposition in TO_SUSPENSE and not iban else "",
        )
        for part, (disposition, iban, amount) in enumerate(rows)
    ]
    ring = await world.identity.keys({TENANT, *(each.owner for each in matched)})
    event = EvidenceReceived(
        tenant=TENANT,
        evidence_id=stream,
        digest=an_id(f"file {name}") * 2,
        message_id=name,
        source=BANK_FEED.subject,
        authorisation="",
        authorisation_expires_ns=0,
        entry_ids=b"".join(each.id for each in matched),
        entry_digests=b"".join(each.digest for each in matched),
        references=tuple(name for _ in matched),
        purposes=bytes(each.disposition for each in matched),
        mirror_accounts=MIRROR * len(matched),
        client_accounts=b"".join(each.client.account_id if each.client else ZERO_ID for each in matched),
        owners=b"".join(each.owner for each in matched),
        instruction_ids=ZERO_ID * len(matched),
        amounts_minor=pack("Q", [each.entry.amount_minor for each in matched]),
        ledgers=pack("H", [EUR] * len(matched)),
        value_days=pack("i", [20_000] * len(matched)),
        reasons=tuple(each.reason for each in matched),
        sealed=seal_entries(stream, matched, ring),
        origins=origin * len(matched),
    )
    await world.writer.commit(lambda unit: unit.record(stream, event))
    return stream


def books(world: World) -> dict[str, int]:
    """Returns what lies where."""
    names = {"anna": ANNAS, "boris": BORISS, "suspense": SUSPENSE, "mirror": MIRROR, "owed": OWED}
    return {name: world.custody.balances.get(account, 0) for name, account in names.items()}


def outcomes(world: World) -> list[tuple[Outcome, str]]:
    """Returns what became of entries, in order, but for what went on waiting."""
    applied = [each.event for each in world.store.replay(event_codec()) if isinstance(each.event, EvidenceApplied)]
    return [
        (Outcome(outcome), reason)
        for each in applied
        for outcome, reason in zip(each.outcomes, each.reasons, strict=True)
        if outcome != Outcome.WAITING
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([(D.REVERSE, BORIS, 80)], {"boris": 20, "mirror": -70, "owed": 0}, id="a deposit taken back"),
        pytest.param([(D.REVERSE, BORIS, 130)], {"boris": 0, "mirror": -20, "owed": -30}, id="and spent in part"),
        pytest.param([(D.REVERSE, "", 80)], {"mirror": -70, "owed": -80, "suspense": 50}, id="nobody knows whose"),
        pytest.param([(D.RETRACT, "", 50)], {"mirror": -100, "suspense": 0, "owed": 0}, id="never booked, in suspense"),
        pytest.param([(D.RETRACT, BORIS, 30)], {"mirror": -120, "boris": 70, "owed": 0}, id="never booked, credited"),
        pytest.param([(D.CHARGE, "", 15)], {"mirror": -135, "owed": -15}, id="a charge"),
        pytest.param([(D.RESTORE, "", 10)], {"mirror": -160, "suspense": 60}, id="back from a payment"),
        pytest.param([(D.CHARGE, "", 15), (D.REPAY, "", 10)], {"mirror": -145, "owed": -5}, id="back from a charge"),
        pytest.param([(D.REPAY, "", 10)], {"mirror": -160, "suspense": 60, "owed": 0}, id="and nothing is owed"),
        pytest.param([(D.RESTORE, BORIS, 10)], {"mirror": -160, "boris": 110}, id="back, and the payer is sure"),
        pytest.param(
            [(D.ALLOCATE, BORIS, 20), (D.ALLOCATE, ANNA, 30)],
            {"mirror": -150, "suspense": 0, "boris": 120, "anna": 1_000_30},
            id="parts",
        ),
    ],
)
async def test_each_row_moves_what_it_says(world: World, rows: Sequence[Row], expected: dict[str, int]) -> None:
    """Boris has 100 and suspense 50 before; the mirror moves once, by the whole amount."""
    await tell(world, "before", (D.CREDIT_CLIENT, BORIS, 100), (D.CREDIT_SUSPENSE, "", 50))
    await done(world)
    await tell(world, "rows", *rows)
    await done(world)
    assert {name: books(world)[name] for name in expected} == expected
    moves = [each for each in world.custody.transfers.values() if MIRROR in (each.debit_account, each.credit_account)]
    assert len(moves) == 2 + sum(disposition is not D.ALLOCATE for disposition, _, _ in rows)
    assert all(each.evidence is not None and each.evidence.entry == each.subject for each in moves)


async def test_what_a_client_may_not_have_stays_in_suspense(world: World) -> None:
    """A closed account leaves what is allocated where it lies; what it gave before it gives no more."""
    await tell(world, "before", (D.CREDIT_SUSPENSE, "", 50))
    world.custody.closed.add(BORISS)
    await tell(world, "part", (D.ALLOCATE, BORIS, 20))
    await done(world)
    assert outcomes(world)[-1] == (Outcome.SUSPENDED, "ACCOUNT_CLOSED")
    assert (books(world)["suspense"], books(world)["boris"]) == (50, 0)


async def test_a_listed_payers_money_is_not_allocated(world: World) -> None:
    """Whom a list names by the time when custody is asked, his money stays in suspense, blocked."""
    await tell(world, "before", (D.CREDIT_SUSPENSE, "", 50))
    await done(world)
    world.custody.is_away = True
    await tell(world, "part", (D.ALLOCATE, BORIS, 20), payer=LISTED_NAME)
    await list_it(world)
    world.custody.is_away = False
    await done(world)
    assert outcomes(world)[-1] == (Outcome.SUSPENDED, PAYER_ON_SANCTIONS_LIST)
    assert books(world)["suspense"] == 50


async def test_what_lacks_in_suspense_waits(world: World) -> None:
    """An allocation finds too little, and goes on once it is there, under an id of its own."""
    await tell(world, "before", (D.CREDIT_SUSPENSE, "", 5))
    await done(world)
    stream = await tell(world, "part", (D.ALLOCATE, BORIS, 20))
    await world.until(lambda: bool(world.states.deposits.known(stream).burnt))
    assert books(world)["suspense"] == 5
    await tell(world, "more", (D.CREDIT_SUSPENSE, "", 45))
    await done(world)
    assert (books(world)["suspense"], books(world)["boris"]) == (30, 20)


async def test_nothing_is_taken_before_it_came(world: World) -> None:
    """A deposit that is not posted yet is taken back behind it, also from suspense; others go on."""
    world.custody.is_away = True
    await tell(world, "deposit", (D.CREDIT_CLIENT, BORIS, 80), (D.REVERSE, BORIS, 80))
    stream = await tell(world, "later", (D.REVERSE, BORIS, 1), (D.CHARGE, "", 3), (D.RETRACT, "", 5))
    file = world.states.deposits.known(stream)
    assert held_back(file, world.states.deposits.of_tenant(TENANT)) == {0}
    world.custody.is_away = False
    await done(world)
    assert books(world) == {"anna": 1_000_00, "boris": 0, "suspense": 0, "mirror": 9, "owed": -9}


def model(balances: Counter[str], disposition: Disposition, client: str, amount: int) -> None:
    """Does what a row says to plain numbers."""
    where = {ANNA: "anna", BORIS: "boris", "": "suspense"}[client]
    if disposition is D.ALLOCATE:
        balances["suspense"] -= amount
        balances[where] += amount
    elif disposition in (D.CREDIT_CLIENT, D.CREDIT_SUSPENSE, D.RESTORE):
        balances["mirror"] -= amount
        balances[where] += amount
    elif disposition is D.REPAY:
        balances["mirror"] -= amount
        balances["owed"] += amount
    else:
        knows = disposition is not D.CHARGE and (bool(client) or disposition is D.RETRACT)
        given = min(amount, balances[where]) if knows else 0
        balances["mirror"] += amount
        balances[where] -= given
        balances["owed"] -= amount - given


@pytest.mark.parametrize("seed", range(4))
async def test_books_are_what_the_rows_say_whatever_ends_in_between(world: World, seed: int) -> None:
    """Rows in any order; custody answers, is away, or its answer is lost; the process ends and another goes on."""
    chance = random.Random(seed)
    expected = Counter(anna=1_000_00)
    for number in range(12):
        rows: list[Row] = []
        owed = -expected["owed"]
        for _ in range(chance.randint(1, 5)):
            disposition = chance.choice([each for each in D if each not in (D.UNMATCHED, D.CONFIRM)])
            amount, client = chance.randint(1, 60), chance.choice([ANNA, BORIS])
            if disposition is D.ALLOCATE:
                amount = min(amount, expected["suspense"])
            if disposition is D.REPAY:
                amount = min(amount, owed)
                owed -= amount
            if disposition in (D.CREDIT_SUSPENSE, D.CHARGE, D.REPAY) or (
                disposition in (D.RESTORE, D.RETRACT, D.REVERSE) and chance.random() < 0.4
            ):
                client = ""
            rows.append((disposition, client, amount))
            model(expected, disposition, client, amount)
        trouble = chance.choice(["none", "away", "lost", "killed"])
        world.custody.is_away, world.custody.loses_replies = trouble == "away", trouble == "lost"
        calls = world.custody.calls
        await tell(world, f"{seed}/{number}", *rows)
        if trouble == "lost":
            await world.until(lambda calls=calls: world.custody.calls > calls)  # type: ignore[misc]
        world.custody.is_away = world.custody.loses_replies = False
        if trouble == "killed" or chance.random() < 0.3:
            await world.restart()
        await done(world)
        assert books(world) == {name: expected[name] for name in books(world)}, (seed, number, rows)
    balancing = [each for each in world.custody.transfers.values() if each.kind is TransferKind.BALANCING]
    assert balancing
    assert all(each.credit_account == OWED for each in balancing)


async def sent_to(world: World, name: str, amount_minor: int) -> None:
    """Has Boris order a payment out by the bank."""
    paying = order(name, amount_minor, STRANGER, debtor_iban=BORIS, creditor_name="Somebody")
    await world.submit_batch(PLATFORM, an_id(f"of {name}"), [paying])


async def test_payments_that_the_bank_does_not_have_end_for_what_it_took(world: World) -> None:
    """As many as are needed; what they had set aside is taken, and nothing is owed."""
    await tell(world, "deposit", (D.CREDIT_CLIENT, BORIS, 100))
    await done(world)
    world.seals.is_away = True
    await world.import_list()
    for name, amount in (("first", 70), ("second", 20)):
        await sent_to(world, name, amount)
        await world.reaches(name, Status.RESERVED)
    await tell(world, "reversal", (D.REVERSE, BORIS, 80))
    await done(world)
    assert (world.status("first"), world.reason("first")) == (Status.REJECTED, DEPOSIT_REVERSED)
    assert world.status("second") is Status.RESERVED
    assert (books(world)["boris"], books(world)["owed"], books(world)["mirror"]) == (0, 0, -20)
    assert outcomes(world)[-2:] == [(Outcome.RELEASING, ""), (Outcome.TAKEN, "")]


async def test_of_payments_that_may_end_the_one_handed_in_first_does(world: World) -> None:
    """In whatever order memory has them: what was asked for again comes back to its end."""
    await tell(world, "deposit", (D.CREDIT_CLIENT, BORIS, 100))
    await done(world)
    world.seals.is_away = True
    await world.import_list()
    for name in ("first", "second"):
        await sent_to(world, name, 30)
        await world.reaches(name, Status.RESERVED)
    submissions = world.states.submissions.submissions
    stream = next(iter(submissions))
    submissions[stream] = submissions.pop(stream)
    await tell(world, "reversal", (D.REVERSE, BORIS, 60))
    await done(world)
    assert (world.status("first"), world.reason("first")) == (Status.REJECTED, DEPOSIT_REVERSED)
    assert world.status("second") == Status.RESERVED


async def test_what_the_bank_has_already_is_owed(world: World) -> None:
    """A payment that was handed over goes on."""
    await tell(world, "deposit", (D.CREDIT_CLIENT, BORIS, 100))
    await done(world)
    await world.import_list()
    await sent_to(world, "out", 70)
    await world.reaches("out", Status.SENT)
    await tell(world, "reversal", (D.REVERSE, BORIS, 80))
    await done(world)
    assert world.status("out") is Status.SENT
    assert (books(world)["boris"], books(world)["owed"]) == (0, -50)


async def test_the_process_ends_while_payments_are_released(world: World) -> None:
    """The next one takes what they had set aside, once."""
    await tell(world, "deposit", (D.CREDIT_CLIENT, BORIS, 100))
    await done(world)
    world.seals.is_away = True
    await world.import_list()
    await sent_to(world, "first", 100)
    await world.reaches("first", Status.RESERVED)
    stream = await tell(world, "reversal", (D.REVERSE, BORIS, 80))
    waiting = world.states.deposits.evidence
    await world.until(lambda: stream not in waiting or bool(waiting[stream].releasing()))
    await world.restart()
    await done(world)
    assert (books(world)["boris"], books(world)["owed"], books(world)["mirror"]) == (20, 0, -20)


def first_of(name: str, disposition: Disposition) -> bytes:
    """Returns the id of the first row of a telling."""
    return row_id(an_id(f"{name}/0"), 0, disposition)


async def clear(world: World, entry: bytes) -> None:
    """Has two operators allot an entry to Anna."""
    named = Named(TENANT, entry, SUSPENSE)
    view = await world.application.flows.clearing.allocate(OPERATOR, named, ANNA, ZERO_ID)
    assert not view.reason, view.reason
    await world.until(lambda: _found(world, view.instruction_id) is Status.HELD)
    decide = world.application.approvals.decide
    await decide(SECOND_OPERATOR, TENANT, [view.instruction_id], Directive.APPROVE, "theirs")
    await world.until(lambda: _found(world, view.instruction_id) is Status.SETTLED)


def _found(world: World, instruction: bytes) -> Status | None:
    found = world.states.submissions.find(TENANT, instruction)
    return None if found is None else Status(found[0].statuses[found[1]])


async def test_people_decide_about_what_is_left_of_an_entry(world: World) -> None:
    """What a client was allotted of it, and what was taken back, is not theirs to give again."""
    await world.import_list()
    await tell(world, "sum", (D.CREDIT_SUSPENSE, "", 50))
    origin = first_of("sum", D.CREDIT_SUSPENSE)
    await done(world)
    suspense = world.application.deposits.releases.suspense
    await tell(world, "part", (D.ALLOCATE, BORIS, 20), origin=origin)
    found = await suspense.find(TENANT, origin)
    assert found is not None
    assert found.amount_minor == 30
    await tell(world, "gone", (D.RETRACT, "", 30), origin=origin)
    assert await suspense.find(TENANT, origin) is None
    await done(world)
    assert (books(world)["suspense"], books(world)["boris"], books(world)["owed"]) == (0, 20, 0)


async def test_what_was_diverted_to_suspense_is_taken_from_there(world: World) -> None:
    """A client whose account refused a deposit does not pay for its reversal with other money."""
    await tell(world, "earlier", (D.CREDIT_CLIENT, BORIS, 500))
    await done(world)
    world.custody.closed.add(BORISS)
    await tell(world, "deposit", (D.CREDIT_CLIENT, BORIS, 80))
    await tell(world, "reversal", (D.REVERSE, BORIS, 80), origin=first_of("deposit", D.CREDIT_CLIENT))
    await done(world)
    assert (books(world)["boris"], books(world)["suspense"], books(world)["owed"]) == (500, 0, 0)


async def test_what_people_have_cleared_is_not_allotted_or_taken_again(world: World) -> None:
    """Other money in suspense is not touched for it: what the bank takes is owed, and a part goes to nobody."""
    await world.import_list()
    await tell(world, "sum", (D.CREDIT_SUSPENSE, "", 50))
    await tell(world, "other", (D.CREDIT_SUSPENSE, "", 1_000))
    await done(world)
    origin = first_of("sum", D.CREDIT_SUSPENSE)
    await clear(world, origin)
    await tell(world, "part", (D.ALLOCATE, BORIS, 20), origin=origin)
    await tell(world, "gone", (D.RETRACT, "", 30), origin=origin)
    await done(world)
    assert (books(world)["suspense"], books(world)["boris"], books(world)["owed"]) == (1_000, 0, -30)
    assert (Outcome.RECORDED, "CLEARED_BY_PEOPLE") in outcomes(world)
