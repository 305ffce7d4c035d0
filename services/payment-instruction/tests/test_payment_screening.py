"""Everybody is screened: every field, at every moment at which a name, a list or a payment changes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ringfence_kernel.proposals.application import Decision, Verdict
from ringfence_payment_instruction.deposits.domain.evidence import BLOCKED, BankEntry
from ringfence_payment_instruction.screening.application import clients as client_screening
from ringfence_payment_instruction.screening.application.known import Known
from ringfence_payment_instruction.screening.domain.clients import client_stream
from ringfence_payment_instruction.screening.domain.screened_fields import SCREENED_FIELDS, Part, ScreenedField, Side
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.orders import Alias, Order
from ringfence_payment_instruction.submissions.domain.status import Directive, Stage, Status
from structlog.testing import capture_logs

from .messages import notification
from .world import (
    ANNA,
    APPROVER,
    BANK,
    BANK_FEED,
    BORIS,
    PLATFORM,
    SECOND_OPERATOR,
    STRANGER,
    SUSPENSE,
    TENANT,
    World,
    an_id,
    iban,
    order,
)

LISTED_NAME = "Zora Listed"
CLIENT_OF = {Side.DEBTOR: an_id("anna"), Side.CREDITOR: an_id("boris")}
Fields = tuple[ScreenedField, ...]
ANNAS, BORISS = an_id("anna account"), an_id("boris account")


def a_list(*names: str) -> bytes:
    """Returns a list of these names, and of somebody else."""
    rows = "".join(f"{name},person,N-{number}\n" for number, name in enumerate(names))
    return f"name,kind,reference\nBad Actor,person,X-1\n{rows}".encode()


async def list_it(world: World, name: str = LISTED_NAME) -> None:
    """Brings an edition into force that names somebody more."""
    await world.import_list(a_list(name))


async def register(world: World, field: ScreenedField, name: str = LISTED_NAME) -> None:
    """Has identity record a name, where the field is one that identity records."""
    if field.part is Part.REGISTERED:
        await world.identity_says("PartyAmended.v1", CLIENT_OF[field.side], personal={"name": name})
    if field.part is Part.OWNERS:
        personal = {"ab.name": "Owen Owner", "cd.name": name}
        await world.identity_says("OwnersRecorded.v1", CLIENT_OF[field.side], personal=personal)
    await world.indexed()


def typed(field: ScreenedField) -> dict[str, Any]:
    """Returns what an order or an entry says in a field that is typed."""
    if field.part is not Part.TYPED:
        return {}
    if field.side is Side.OTHER:
        return {"parties": ((field.name, LISTED_NAME),)}
    return {"debtor_name" if field.side is Side.DEBTOR else "creditor_name": LISTED_NAME}


async def submit(world: World, *orders: Order) -> None:
    """Hands orders in, each by itself."""
    for each in orders:
        await world.submit_batch(PLATFORM, each.instruction_id, [each])


async def hits(world: World, name: str) -> None:
    """Waits until an instruction is stopped by a list."""
    await world.until(lambda: world.reason(name) == reasons.SANCTIONS_HIT)


async def is_taken_back(world: World, name: str) -> None:
    """Waits until no hand-over goes on that began before the hit: that one may come first, and then the bank has it."""

    def is_held_or_asked_for() -> bool:
        submission, index = world.states.submissions.find(TENANT, an_id(name)) or (None, 0)
        assert submission is not None
        return submission.stages[index] != Stage.DISPATCH or submission.references[index] in world.rail.taken_back

    await world.until(is_held_or_asked_for)


async def approve(world: World, name: str) -> None:
    """Has a second person approve, once nobody is to be looked for again."""
    submission, _ = world.states.submissions.find(TENANT, an_id(name)) or (None, 0)
    assert submission is not None
    await world.until(lambda: Known(world.states.screening, world.states.findings).covers(submission))
    await world.application.approvals.decide(APPROVER, TENANT, [an_id(name)], Directive.APPROVE, "")


async def innocent(world: World, creditor: str) -> None:
    """Has two whom nobody lists pay and be paid, or an account at another bank."""
    for number, name in enumerate(("clara", "dora"), 10):
        world.identity.aliases[iban(number)] = Alias(TENANT, an_id(f"{name} account"), an_id(name), False)
        world.custody.balances[an_id(f"{name} account")] = 20_00
        await world.identity_says("PartyRegistered.v1", an_id(name), personal={"name": f"{name} Innocent"})
    changes = {"debtor_iban": iban(10), "creditor_name": "dora Innocent"}
    await submit(world, order("innocent", 5_00, creditor=creditor or iban(11), **changes))
    await world.reaches("innocent", Status.SENT if creditor else Status.SETTLED)


async def new(world: World, fields: Fields) -> None:
    """What is listed before it is ordered is rejected; no money is touched."""
    await list_it(world)
    await submit(world, *(order(field.name, **typed(field)) for field in fields))
    for field in fields:
        await world.reaches(field.name, Status.REJECTED)
        assert world.reason(field.name) == reasons.SANCTIONS_HIT
    assert world.custody.transfers == {}


async def held(world: World, fields: Fields) -> None:
    """What waits for a second person stays held, whoever approves it; it can be rejected."""
    await submit(world, *(order(field.name, 600_00, **typed(field)) for field in fields))
    for field in fields:
        await world.reaches(field.name, Status.HELD)
    await list_it(world)
    ids = [an_id(field.name) for field in fields]
    for field in fields:
        await hits(world, field.name)
    views = await world.application.approvals.decide(APPROVER, TENANT, ids, Directive.APPROVE, "")
    assert {(view.status, view.reason) for view in views} == {(Status.HELD, reasons.SANCTIONS_HIT)}
    views = await world.application.approvals.decide(APPROVER, TENANT, ids, Directive.REJECT, "")
    assert ({view.status for view in views}, world.custody.transfers) == ({Status.REJECTED}, {})


async def approved(world: World, fields: Fields) -> None:
    """What was approved, and custody has not done yet, is not done any more."""
    await submit(world, *(order(field.name, 600_00, **typed(field)) for field in fields))
    for field in fields:
        await world.reaches(field.name, Status.HELD)
    world.custody.is_away = True
    ids = [an_id(field.name) for field in fields]
    await world.application.approvals.decide(APPROVER, TENANT, ids, Directive.APPROVE, "")
    await list_it(world)
    for field in fields:
        await hits(world, field.name)
    await world.between_attempts()
    world.custody.is_away = False
    await innocent(world, "")
    assert ({world.status(field.name) for field in fields}, len(world.custody.transfers)) == ({Status.HELD}, 1)


async def named_to_the_bank(world: World, fields: Fields) -> None:
    """What is reserved, even in a message that the bank does not have, is held with its reservation."""
    world.rail.is_broken = True
    await submit(world, *(order(field.name, creditor=STRANGER, **typed(field)) for field in fields))
    for field in fields:
        await world.reaches(field.name, Status.RESERVED)
    await list_it(world)
    for field in fields:
        await hits(world, field.name)
        await is_taken_back(world, field.name)
    await world.between_attempts()
    world.rail.is_broken = False
    for field in fields:
        await world.reaches(field.name, Status.HELD)
    await innocent(world, STRANGER)
    assert (len(world.rail.sent), world.custody.balances[ANNAS]) == (1, 1_000_00 - 10_00 * len(fields))
    ids = [an_id(field.name) for field in fields]
    views = await world.application.approvals.decide(APPROVER, TENANT, ids, Directive.CANCEL, "")
    assert {(view.status, view.reason) for view in views} == {(Status.HELD, reasons.SANCTIONS_HIT)}


Moment = Callable[[World, Fields], Any]
MOMENTS: tuple[Moment, ...] = (new, held, approved, named_to_the_bank)
TYPED = tuple(field for field in SCREENED_FIELDS if field.part is Part.TYPED)
# Those that are typed go together, each in a payment of its own; a registered name is of all payments of its client.
GROUPS: tuple[Fields, ...] = (TYPED, *((field,) for field in SCREENED_FIELDS if field not in TYPED))
CASES = [
    (fields, moment)
    for fields in GROUPS
    for moment in MOMENTS
    # Who is paid at another bank is registered nowhere.
    if not (moment is named_to_the_bank and fields[0].side is Side.CREDITOR)
]


def case(value: Any) -> str:
    """Returns how a case is called."""
    return value.__name__ if callable(value) else "typed" if value is TYPED else value[0].name


def test_no_field_and_no_moment_is_left_out() -> None:
    """Every field of the table is walked."""
    assert {field for fields, _ in CASES for field in fields} == set(SCREENED_FIELDS)
    assert {side.name for side in Side} == {field.side.name for field in SCREENED_FIELDS}


@pytest.mark.parametrize(("fields", "moment"), CASES, ids=case)
async def test_every_field_hits_at_every_moment(world: World, fields: Fields, moment: Moment) -> None:
    """A list names somebody, wherever he is named, before the bank or the book has the payment."""
    await register(world, fields[0])
    await moment(world, fields)


@pytest.mark.parametrize("fields", GROUPS, ids=case)
async def test_a_deposit_by_or_to_somebody_listed_is_blocked(world: World, fields: Fields) -> None:
    """Whoever is listed, the money goes to suspense, whatever IBAN it came for."""
    paying = iban(7)
    world.identity.aliases[paying] = replace(world.identity.aliases[ANNA])
    await register(world, fields[0])
    await list_it(world)
    base = {"debtor_name": "Some Payer", "debtor_iban": paying, "creditor_iban": BORIS}
    entries = [
        BankEntry(BANK, field.name, 5_00, "EUR", "CRDT", False, "BOOK", 20_000, **(base | typed(field)))
        for field in fields
    ]
    receiving = world.application.statements.receiving
    taken = await receiving._take_in(BANK_FEED, notification(BANK, an_id("file") * 2, entries), b"")
    await receiving.rows.once_posted(taken)
    assert (world.custody.balances[BORISS], world.custody.balances[SUSPENSE]) == (0, 5_00 * len(fields))
    assert set(taken.files[0].reasons) <= BLOCKED


@pytest.mark.parametrize(
    "field", [field for field in SCREENED_FIELDS if field not in TYPED], ids=lambda each: each.name
)
async def test_a_name_that_changes_is_screened(world: World, field: ScreenedField) -> None:
    """A client takes a listed name, or an owner with one: what he pays and is paid is held, and identity blocks him."""
    await list_it(world)
    await submit(world, order("p", 600_00))
    await world.reaches("p", Status.HELD)
    await register(world, field)
    await hits(world, "p")
    await world.until(lambda: bool(world.blocking.blocked))
    assert world.blocking.blocked == [(CLIENT_OF[field.side], ("UN/N-0",))]


async def test_the_new_names_of_an_edition_that_waits_hit(world: World) -> None:
    """Whoever an edition adds is stopped, and blocked, before a second person has confirmed what it takes off."""
    await world.import_list(a_list(*(f"Person {number}" for number in range(50))))
    await submit(world, order("p", 600_00, debtor_name=LISTED_NAME))
    await world.reaches("p", Status.HELD)
    imported = await world.import_list(a_list(LISTED_NAME, "Boris Example"))
    assert imported.proposal
    await hits(world, "p")
    await world.until(lambda: bool(world.blocking.blocked))
    assert world.blocking.blocked == [(an_id("boris"), ("UN/N-1",))]
    decided = [Decision(imported.proposal, Verdict.CONFIRM)]
    assert await world.application.proposals.decide(decided, SECOND_OPERATOR) == [""]
    submission, _ = world.states.submissions.find(TENANT, an_id("p")) or (None, 0)
    assert submission is not None
    await world.until(lambda: Known(world.states.screening, world.states.findings).covers(submission))
    assert (world.reason("p"), len(world.blocking.blocked)) == (reasons.SANCTIONS_HIT, 1)


async def test_who_is_not_in_the_index_is_waited_for(world: World) -> None:
    """A payment of a client whom identity's feed has not brought yet neither passes nor is refused."""
    newcomer, account = iban(8), an_id("newcomer account")
    world.identity.aliases[newcomer] = Alias(TENANT, account, an_id("newcomer"), False)
    world.custody.balances[account] = 100_00
    await submit(world, order("p", debtor_iban=newcomer))
    await world.until(lambda: world.reason("p") == "CLIENT_NOT_INDEXED")
    assert world.status("p") is Status.AUTHENTICATED
    await world.identity_says("PartyRegistered.v1", an_id("newcomer"), personal={"name": "Nils Newcomer"})
    await world.reaches("p", Status.SETTLED)


async def test_who_is_told_of_while_names_are_looked_for_is_not_left_for_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ring for a name that comes as the table is being read is not lost."""
    loop, clients = asyncio.get_running_loop(), world.application.screening.clients
    monkeypatch.setattr(client_screening, "LOOK_SECONDS", 3_600.0)
    clients.ring()  # whoever waits by the old pause looks once more
    await world.until(lambda: clients._news._waiting != set())
    unmarked, told = type(clients.names).unmarked, threading.Event()

    def told_meanwhile(names: Any, limit: int) -> Any:
        found = unmarked(names, limit)
        if not told.is_set():
            told.set()
            news = world.identity_says("PartyRegistered.v1", an_id("newcomer"), personal={"name": "Nils Newcomer"})
            asyncio.run_coroutine_threadsafe(news, loop).result()
        return found

    monkeypatch.setattr(type(clients.names), "unmarked", told_meanwhile)
    clients.ring()
    await world.until(told.is_set)
    await world.indexed()


async def test_what_a_process_did_not_finish_the_next_one_finds(world: World) -> None:
    """A list that came into force as the process ended is compared with all clients after the start."""
    world.tasks[-1].cancel()
    await list_it(world, "Boris Example")
    assert not world.states.findings.findings
    await world.restart()
    await world.until(lambda: client_stream(an_id("boris")) in world.states.findings.findings)


async def test_the_cost_of_a_list_follows_its_change(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is new on a list is looked up among the clients."""
    await world.import_list(a_list(*(f"Person {number}" for number in range(50))))
    clients, asked = world.application.screening.clients, []

    def rests() -> bool:
        is_checked = clients.listed._evidence == clients.lists.current().evidence()
        return is_checked and clients._checked is clients.listed._listed and bool(clients._news._waiting)

    await world.until(rests)
    matching = clients.names.matching

    def counted(marks: Any) -> Any:
        asked.append(len(marks))
        return matching(marks)

    monkeypatch.setattr(type(clients.names), "matching", lambda self, marks: counted(marks))
    await world.import_list(a_list(*(f"Person {number}" for number in range(53))))
    await world.until(lambda: bool(asked))
    assert asked == [6]  # each as the whole of a name, and as one of several in a field


async def test_no_log_has_an_entry_of_a_list_beside_a_client(world: World) -> None:
    """Logs are kept where no erasure comes: by the finding alone nobody learns who is on what list."""
    await list_it(world)
    with capture_logs() as logged:
        await world.identity_says("PartyAmended.v1", an_id("boris"), personal={"name": LISTED_NAME})
        await world.until(lambda: any(line["event"] == "client_blocked" for line in logged))
    (found,) = world.states.findings.findings.values()
    lines = str(logged)
    assert "client_listed" in lines
    assert all(each.finding.hex() in lines and str(each) not in lines for each in found.entries)


async def test_an_erased_client_leaves_the_index(world: World) -> None:
    """No mark of a name stays behind."""
    with world.store.connection() as connection:
        before = connection.execute("SELECT count(*) AS found FROM client_marks").fetchone()
    await world.identity_says("PartyErased.v1", an_id("anna"))
    await world.indexed()
    with world.store.connection() as connection:
        after = connection.execute("SELECT count(*) AS found FROM client_marks").fetchone()
    assert (before, after) == ({"found": 6}, {"found": 4})


async def test_an_innocent_payment_outlives_a_new_list(world: World) -> None:
    """What is held and hits nothing can be approved as before, and goes to the bank."""
    await submit(world, order("p", 600_00, creditor=STRANGER))
    await world.reaches("p", Status.HELD)
    await list_it(world)
    await approve(world, "p")
    await world.reaches("p", Status.SENT)
