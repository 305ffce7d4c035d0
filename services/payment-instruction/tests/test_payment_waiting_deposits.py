"""Deposits that wait for custody are looked at again when something changes, and money moves once."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from ringfence_payment_instruction.deposits.application.posting import PostingWork
from ringfence_payment_instruction.deposits.application.sealing import seal_entries
from ringfence_payment_instruction.deposits.domain.events import EvidenceApplied
from ringfence_payment_instruction.deposits.domain.evidence import (
    BLOCKED,
    ENTRY_UNREADABLE,
    BankEntry,
    Disposition,
    deposit_transfer_id,
)
from ringfence_payment_instruction.modules import event_codec
from ringfence_payment_instruction.screening.domain.lists import Screening
from ringfence_payment_instruction.screening.domain.screened_fields import SCREENED_FIELDS, ScreenedField
from ringfence_payment_instruction.settlement.domain.errors import CustodyUnavailable
from ringfence_payment_instruction.settlement.domain.transfers import PlannedTransfer

from .messages import notification
from .test_payment_screening import BORISS, GROUPS, LISTED_NAME, TYPED, Fields, case, list_it, register, typed
from .world import ANNA, BANK, BANK_FEED, BORIS, MIRROR, SUSPENSE, TENANT, World, an_id, iban

PAYING = iban(7)
AMOUNT = 5_00


async def take_in(world: World, fields: Fields, creditors: Mapping[int, str] = MappingProxyType({})) -> bytes:
    """Has an entry come in for each field that would name somebody listed; returns the stream of their file.

    `creditors` are the IBANs of payees, by row, other than Boris's.
    """
    world.identity.aliases[PAYING] = replace(world.identity.aliases[ANNA])
    base: dict[str, Any] = {"debtor_name": "Some Payer", "debtor_iban": PAYING}
    named = [base | {"creditor_iban": creditors.get(row, BORIS)} | typed(field) for row, field in enumerate(fields)]
    entries = [
        BankEntry(BANK, field.name, AMOUNT, "EUR", "CRDT", False, "BOOK", 20_000, **each)
        for field, each in zip(fields, named, strict=True)
    ]
    receiving = world.application.statements.receiving
    taken = await receiving._take_in(BANK_FEED, notification(BANK, an_id("file") * 2, entries), b"")
    return taken.files[0].stream


def break_entries(monkeypatch: pytest.MonkeyPatch, *rows: int) -> None:
    """Has a byte flipped in what is sealed of some rows of each file."""

    def seal_broken(*arguments: Any) -> tuple[bytes, ...]:
        sealed = seal_entries(*arguments)
        flip = (each[:-1] + bytes((each[-1] ^ 1,)) if row in rows else each for row, each in enumerate(sealed))
        return tuple(flip)

    monkeypatch.setattr("ringfence_payment_instruction.deposits.application.receiving.seal_entries", seal_broken)


async def done(world: World) -> None:
    """Waits until nothing of the bank's is left to post."""
    await world.until(lambda: not world.states.deposits.evidence)
    await world.writer.commit(lambda unit: None)


def reasons_of(world: World) -> set[str]:
    """Returns why entries went to suspense."""
    applied = [each.event for each in world.store.replay(event_codec()) if isinstance(each.event, EvidenceApplied)]
    return {reason for each in applied for reason in each.reasons if reason}


async def blocked(world: World, count: int) -> None:
    """All of it lies in suspense, because of a list; the client has nothing, and the bank's money moved once."""
    await done(world)
    balances = world.custody.balances
    assert (balances[BORISS], balances[SUSPENSE], balances[MIRROR]) == (0, AMOUNT * count, -AMOUNT * count)
    assert reasons_of(world) <= BLOCKED


async def goes_away(world: World) -> None:
    """Has custody go away once it has said in which currency the mirror is: nothing is taken in before."""
    assert await world.application.statements.receiving.ledger_of(world.identity.aliases[BANK])
    world.custody.is_away = True


async def custody_is_away(world: World, fields: Fields) -> None:
    """Asked for, and not heard of."""
    await goes_away(world)
    await take_in(world, fields)
    calls = world.custody.calls
    await world.until(lambda: world.custody.calls > calls)


async def nothing_runs(world: World, fields: Fields) -> None:
    """Taken in, and the process ended before custody was asked."""
    for task in world.tasks[2:3]:  # the pipeline
        task.cancel()
    await take_in(world, fields)


WAYS = (custody_is_away, nothing_runs)


async def a_list_changes(world: World, fields: Fields) -> None:
    """An edition names somebody more, who was registered so before."""
    await list_it(world)


async def a_list_changes_while_nothing_runs(world: World, fields: Fields) -> None:
    """The same, and the process ends before anybody has looked."""
    for task in world.tasks[2:3]:
        task.cancel()
    await list_it(world)
    await world.restart()


CHANGES = (a_list_changes, a_list_changes_while_nothing_runs)


def test_every_field_is_walked() -> None:
    """Those of the table."""
    assert {field for fields in GROUPS for field in fields} == set(SCREENED_FIELDS)


@pytest.mark.parametrize("change", CHANGES, ids=case)
@pytest.mark.parametrize("way", WAYS, ids=case)
@pytest.mark.parametrize("fields", GROUPS, ids=case)
async def test_every_field_hits_while_a_deposit_waits(
    world: World, fields: Fields, way: Callable[..., Any], change: Callable[..., Any]
) -> None:
    """A list comes to name somebody while his money, or money for him, waits for custody: it is blocked."""
    world.custody.balances[SUSPENSE] = 0
    await register(world, fields[0])
    await way(world, fields)
    await change(world, fields)
    world.custody.is_away = False
    if way is nothing_runs and change is a_list_changes:
        await world.restart()
    await blocked(world, len(fields))


@pytest.mark.parametrize("way", WAYS, ids=case)
@pytest.mark.parametrize(
    "field", [field for field in SCREENED_FIELDS if field not in TYPED], ids=lambda each: each.name
)
async def test_a_name_that_changes_hits_while_a_deposit_waits(
    world: World, field: ScreenedField, way: Callable[..., Any]
) -> None:
    """A client, or an owner of his, takes a listed name meanwhile."""
    world.custody.balances[SUSPENSE] = 0
    await list_it(world)
    await way(world, (field,))
    await register(world, field)
    await world.until(lambda: bool(world.states.findings.findings))
    world.custody.is_away = False
    if way is nothing_runs:
        await world.restart()
    await blocked(world, 1)


async def listed_payer(world: World, lost: bool) -> PlannedTransfer:
    """Has custody credit a client without our hearing of it, or only be asked; returns the transfer asked for."""
    world.custody.balances[SUSPENSE] = 0
    asked: list[PlannedTransfer] = []
    book_evidence = world.custody.book_evidence

    async def lost_reply(tenant: bytes, transfers: Any) -> Any:
        asked.extend(transfers)
        if lost:
            await book_evidence(tenant, transfers)
        raise CustodyUnavailable

    world.custody.book_evidence = lost_reply  # type: ignore[method-assign]
    await take_in(world, (TYPED[0],))
    await world.until(lambda: bool(asked))
    await list_it(world)
    world.custody.book_evidence = book_evidence  # type: ignore[method-assign]
    return asked[0]


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_the_client_has_already_is_not_moved_again(world: World, restarted: bool) -> None:
    """Custody had credited him before the list changed, and its answer was lost: nothing goes to suspense as well."""
    await listed_payer(world, lost=True)
    if restarted:
        await world.restart()
    await done(world)
    balances = world.custody.balances
    assert (balances[BORISS], balances[SUSPENSE], balances[MIRROR]) == (AMOUNT, 0, -AMOUNT)


async def test_a_call_that_comes_late_moves_nothing(world: World) -> None:
    """A request of ours for the client reaches custody when the money is in suspense: it is barred there."""
    late = await listed_payer(world, lost=False)
    await blocked(world, 1)
    assert await world.custody.book_evidence(TENANT, [late]) == ["id_already_failed"]
    assert (world.custody.balances[BORISS], world.custody.balances[MIRROR]) == (0, -AMOUNT)


STEPS = ("before the look", "before the bar", "after the bar", "after the record", "after suspense")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("lost", [False, True], ids=["not credited", "credited unheard"])
async def test_a_process_that_ends_between_two_steps(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str, lost: bool
) -> None:
    """Whatever was done by then, the next process comes to the same, and money moves once."""
    ended: list[str] = []
    book_evidence, look_again = world.custody.book_evidence, PostingWork._look_again
    record, block = PostingWork._record, PostingWork._block

    def ends(at: str) -> None:
        if step == at:
            ended.append(at)
            raise CustodyUnavailable

    async def look(self: PostingWork, file: Any) -> None:
        ends("before the look")
        await look_again(self, file)

    async def bar_and_record(self: PostingWork, file: Any, why: dict[int, str]) -> None:
        ends("before the bar")
        await block(self, file, why)
        ends("after the record")

    async def answered(tenant: bytes, transfers: Any) -> Any:
        answers = await book_evidence(tenant, transfers)
        ends("after the bar")
        return answers

    async def posted(self: PostingWork, *arguments: Any) -> None:
        ends("after suspense")
        await record(self, *arguments)

    await listed_payer_with(world, monkeypatch, lost, look, bar_and_record, posted, answered)
    nothing_else = step == "after suspense" and lost
    await world.until(lambda: bool(ended) or nothing_else)
    monkeypatch.undo()
    world.custody.book_evidence = book_evidence  # type: ignore[method-assign]
    await world.restart()
    await done(world)
    balances = world.custody.balances
    client, suspense = (AMOUNT, 0) if lost else (0, AMOUNT)
    assert (balances[BORISS], balances[SUSPENSE], balances[MIRROR]) == (client, suspense, -AMOUNT)


async def listed_payer_with(
    world: World, monkeypatch: pytest.MonkeyPatch, lost: bool, look: Any, block: Any, record: Any, book: Any
) -> None:
    """Has a list name the payer of what waits, by a lane that ends at some step."""
    original = world.custody.book_evidence
    await listed_before(world, lost)
    monkeypatch.setattr(PostingWork, "_look_again", look)
    monkeypatch.setattr(PostingWork, "_block", block)
    monkeypatch.setattr(PostingWork, "_record", record)
    await list_it(world)
    assert world.custody.book_evidence is not original
    world.custody.book_evidence = book  # type: ignore[method-assign]


async def listed_before(world: World, lost: bool) -> None:
    """Has custody asked, without an answer, for a client's credit."""
    world.custody.balances[SUSPENSE] = 0
    book_evidence, asked = world.custody.book_evidence, list[PlannedTransfer]()

    async def lost_reply(tenant: bytes, transfers: Any) -> Any:
        asked.extend(transfers)
        if lost:
            await book_evidence(tenant, transfers)
        raise CustodyUnavailable

    world.custody.book_evidence = lost_reply  # type: ignore[method-assign]
    await take_in(world, (TYPED[0],))
    await world.until(lambda: bool(asked))


async def test_an_innocent_deposit_outlives_a_new_list(world: World) -> None:
    """Nobody in it is listed: it reaches the client under the same transfer."""
    await goes_away(world)
    await take_in(world, (TYPED[0],))
    await list_it(world, "Somebody Else")
    world.custody.is_away = False
    await done(world)
    assert world.custody.balances[BORISS] == AMOUNT
    (transfer,) = world.custody.transfers.values()
    assert transfer.id == deposit_transfer_id(TENANT, transfer.subject, Disposition.CREDIT_CLIENT)


@pytest.mark.parametrize("is_erased", [False, True], ids=["broken", "erased"])
async def test_one_entry_that_does_not_open_stops_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, is_erased: bool
) -> None:
    """Nobody can look at whom it names once a list has changed: it alone is not credited, and waits for two people."""
    world.custody.balances[SUSPENSE] = 0
    await goes_away(world)
    if not is_erased:
        break_entries(monkeypatch, 1)
    await take_in(world, TYPED[:3], {1: ANNA})
    if is_erased:
        world.identity.erased.add(an_id("anna"))
    await list_it(world, "Somebody Else")
    world.custody.is_away = False
    await done(world)
    balances = world.custody.balances
    assert (balances[BORISS], balances[SUSPENSE], balances[MIRROR]) == (2 * AMOUNT, AMOUNT, -3 * AMOUNT)
    assert reasons_of(world) == {ENTRY_UNREADABLE}


async def test_no_client_is_credited_under_lists_that_are_too_old(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was screened days ago waits until the lists are fresh again; money for suspense does not."""
    world.custody.balances[SUSPENSE] = 0
    await goes_away(world)
    await take_in(world, (TYPED[0],))
    await list_it(world, "Somebody Else")
    with monkeypatch.context() as patch:
        patch.setattr(Screening, "is_stale", lambda self, now_ns: True)
        world.custody.is_away = False
        calls = world.custody.calls
        with pytest.raises(TimeoutError):
            await world.until(lambda: world.custody.balances[BORISS] > 0, seconds=1)
        assert world.custody.calls == calls
    await done(world)
    assert world.custody.balances[BORISS] == AMOUNT


async def test_who_is_found_while_a_file_is_read_is_not_credited(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client takes a listed name between the look at his entry and its record."""
    world.custody.balances[SUSPENSE] = 0
    await list_it(world)
    taking = world.application.deposits.rows
    prepare, seen = type(taking).prepare, list[bool]()

    async def found_meanwhile(self: Any, *arguments: Any) -> Any:
        if not seen:
            seen.append(True)
            await world.identity_says("PartyAmended.v1", an_id("boris"), personal={"name": LISTED_NAME})
            await world.until(lambda: bool(world.states.findings.findings))
        return await prepare(self, *arguments)

    monkeypatch.setattr(type(taking), "prepare", found_meanwhile)
    field = next(each for each in SCREENED_FIELDS if each not in TYPED)
    await take_in(world, (field,))
    await done(world)
    assert (world.custody.balances[BORISS], world.custody.balances[SUSPENSE]) == (0, AMOUNT)
