"""A safeguarding day: cut once, computed when the banks have spoken, prepared and reviewed by two, signed when even."""

import pytest
from ringfence_custody.safeguarding.domain.days import Status
from ringfence_custody.safeguarding.domain.errors import (
    SafeguardingDayOpen,
    SafeguardingDayState,
    SafeguardingDayUnknown,
)
from ringfence_custody.safeguarding.domain.events import (
    MirrorCompared,
    SafeguardingComputed,
    SafeguardingCut,
    SafeguardingMissed,
    SafeguardingReopened,
)
from ringfence_custody.safeguarding.domain.figures import BankFigures, BookFigures, Computation, MirrorBalance, OpenSums
from ringfence_custody.safeguarding.domain.state import KEPT_DAYS, State
from ringfence_kernel.proposals.domain.errors import SecondPersonRequired

from .world import MONDAY, World, key, person

ADA, BEN = person(1), person(2)


@pytest.fixture
def world() -> World:
    """A platform whose books hold 1,000 for its clients."""
    return World()


async def _computed(world: World, closing: int = 1_000) -> None:
    await world.open(MONDAY + 1)
    await world.state_closing(MONDAY, closing)


async def _reviewed(world: World, closing: int = 1_000) -> None:
    await _computed(world, closing)
    await world.commands.prepare(key(MONDAY), "looked at", ADA)
    await world.commands.review(key(MONDAY), "agreed", BEN)


async def test_a_day_is_cut_when_the_next_one_opens(world: World) -> None:
    """The first that is over, then every one; the same again cuts nothing."""
    assert await world.open(MONDAY + 1) == 1
    assert await world.open(MONDAY + 1) == 0
    assert await world.open(MONDAY + 3) == 4  # two cuts, and two days are missed
    assert [each.day for each in world.of(SafeguardingCut)] == [MONDAY, MONDAY + 1, MONDAY + 2]


async def test_before_a_day_opens_nothing_is_cut(world: World) -> None:
    """Without calendars there are no days."""
    assert await world.closing.step() == 0


async def test_a_platform_that_begins_within_a_day_has_no_day_before(world: World) -> None:
    """Its first is the day that is open: of the one before no bank will ever speak."""
    world.days.opened = MONDAY
    assert await world.closing.step() == 0
    await world.writer.commit(lambda unit: world.closing.on_day(unit, "ANOTHER", MONDAY))
    assert await world.open(MONDAY + 1) == 1
    assert [each.day for each in world.of(SafeguardingCut)] == [MONDAY]


async def test_a_day_is_computed_when_the_banks_word_is_there(world: World) -> None:
    """Not before; then requirement, resource and the three comparisons."""
    world.books.clients, world.books.suspense, world.books.own = [900, -50, 100], 20, 30
    world.books.debits = 1_050
    await world.open(MONDAY + 1)
    assert not world.of(SafeguardingComputed)
    world.evidence.sums_open = OpenSums(told_minor=7, unplaced_minor=12, unmatched_minor=7)
    await world.state_closing(MONDAY, 1_045)
    (found,) = world.of(SafeguardingComputed)
    assert (found.requirement_minor, found.unplaced_minor, found.funds_minor) == (1_020, 12, 1_008)
    assert (found.resource_minor, found.internal_minor) == (1_020, 0)
    assert (found.external_minor, [each.difference_minor for each in world.of(MirrorCompared)]) == (2, [2])


async def test_differences_of_two_banks_are_not_netted() -> None:
    """What one bank has too much does not cover what another lacks."""
    mirrors = tuple(MirrorBalance(bytes([each]), each, 100, 0) for each in (1, 2))
    banks = (BankFigures(bytes([1]), 1, b"", 100, 130), BankFigures(bytes([2]), 2, b"", 100, 70))
    computation = Computation(BookFigures(200, 0, 0, 0, 0, mirrors), banks)
    assert (computation.internal_minor, computation.external_minor, computation.is_even) == (0, 60, False)


async def test_two_people_close_a_day(world: World) -> None:
    """One prepares, another reviews, and it is signed with the hash of its figures."""
    await _computed(world)
    await world.commands.prepare(key(MONDAY), "looked at", ADA)
    with pytest.raises(SecondPersonRequired):
        await world.commands.review(key(MONDAY), "agreed", ADA)
    with pytest.raises(SafeguardingDayState):
        await world.commands.sign(key(MONDAY), BEN)
    await world.commands.review(key(MONDAY), "agreed", BEN)
    day = await world.commands.sign(key(MONDAY), BEN)
    assert day.status is Status.SIGNED
    with pytest.raises(SafeguardingDayState):
        await world.commands.prepare(key(MONDAY), "once more", ADA)


async def test_a_day_waits_for_its_turn(world: World) -> None:
    """An unknown day, and one whose evidence is missing, are refused with what they wait for."""
    with pytest.raises(SafeguardingDayUnknown):
        await world.commands.prepare(key(MONDAY), "", ADA)
    await world.open(MONDAY + 1)
    with pytest.raises(SafeguardingDayState) as refused:
        await world.commands.prepare(key(MONDAY), "", ADA)
    assert refused.value.metadata == {"status": "CUT", "open": "the banks' word for the day"}


async def test_open_breaks_keep_a_day_open(world: World) -> None:
    """Each of them is named; a notification does not help."""
    await _reviewed(world)
    world.evidence.breaks = ["break 1: unidentified, ASSIGNED"]
    await world.commands.notify(key(MONDAY), bytes(32), "FCA-1", ADA)
    with pytest.raises(SafeguardingDayOpen) as refused:
        await world.commands.sign(key(MONDAY), BEN)
    assert "break 1" in refused.value.metadata["open"]
    world.evidence.breaks = []
    assert (await world.commands.sign(key(MONDAY), BEN)).status is Status.SIGNED


@pytest.mark.parametrize(("what", "found"), [("clients", "shortfall"), ("bank", "between"), ("overdue", "not placed")])
async def test_a_day_that_does_not_come_out_is_notified_before_it_is_signed(
    world: World, what: str, found: str
) -> None:
    """A shortfall, a difference and money not placed in time are refused by name until the regulator was told."""
    if what == "clients":
        world.books.clients = [1_200]
    elif what == "overdue":
        world.evidence.sums_open = OpenSums(overdue_minor=5)
    await _reviewed(world, 990 if what == "bank" else 1_000)
    with pytest.raises(SafeguardingDayOpen) as refused:
        await world.commands.sign(key(MONDAY), BEN)
    assert found in refused.value.metadata["open"]
    await world.commands.notify(key(MONDAY), bytes(32), "FCA-1", ADA)
    assert (await world.commands.sign(key(MONDAY), BEN)).status is Status.SIGNED


async def test_a_day_that_is_late_is_missed_once_and_can_still_be_signed(world: World) -> None:
    """When the day after next opens, with a draft for the regulator that names what is open."""
    await _reviewed(world)
    await world.open(MONDAY + 2)
    assert [each.day for each in world.of(SafeguardingMissed)] == [MONDAY]
    await world.open(MONDAY + 2)
    (missed,) = world.of(SafeguardingMissed)
    assert "REVIEWED" in missed.draft
    assert (await world.commands.sign(key(MONDAY), BEN)).is_missed


async def test_lines_that_wait_to_be_matched_keep_a_day_from_being_computed(world: World) -> None:
    """A difference that is about to go away is none."""
    world.evidence.sums_open = None
    await _computed(world)
    assert not world.of(SafeguardingComputed)
    world.evidence.sums_open = OpenSums()
    assert await world.closing.step() == 1


async def test_two_days_in_one_statement_are_both_computed(world: World) -> None:
    """Each by the statement that covers it; what a later one has booked is booked later."""
    await world.open(MONDAY + 1)
    await world.open(MONDAY + 3)
    await world.state_closing(MONDAY + 1, 900, first_day=MONDAY)
    assert [each.day for each in world.of(SafeguardingComputed)] == [MONDAY, MONDAY + 1]
    await world.state_closing(MONDAY + 2, 1_000)
    newest = world.of(MirrorCompared)[-1]
    assert (newest.day, newest.bank_minor, newest.difference_minor) == (MONDAY + 2, 1_000, 0)


async def test_an_outage_is_caught_up_with_statements_of_several_days(world: World) -> None:
    """A day whose statement is not the newest is compared with what was booked since taken into account."""
    await world.state_closing(MONDAY, 400)
    await world.state_closing(MONDAY + 1, 1_000)
    await world.open(MONDAY + 1)
    await world.open(MONDAY + 2)
    compared = [(each.day, each.later_minor, each.difference_minor) for each in world.of(MirrorCompared)]
    assert compared == [(MONDAY, 600, 0), (MONDAY + 1, 0, 0)]


async def test_a_payment_that_the_bank_has_not_booked_is_no_difference(world: World) -> None:
    """It is named as such: the mirror has paid it, the bank has not."""
    world.books.credits = 300
    world.evidence.sums_open = OpenSums(unmatched_minor=-300)
    await _computed(world, 1_000)
    (found,) = world.of(MirrorCompared)
    assert (found.mirror_minor, found.unbooked_minor, found.difference_minor) == (700, -300, 0)


async def test_changed_evidence_begins_another_version(world: World) -> None:
    """A signed day stays as it is, and is computed anew beside it; the same evidence again changes nothing."""
    await _reviewed(world)
    await world.commands.sign(key(MONDAY), BEN)
    assert await world.closing.step() == 0
    await world.state_closing(MONDAY, 999)
    first, second = world.of(SafeguardingComputed)
    assert (first.version, second.version, second.external_minor) == (1, 2, 1)
    assert len(world.of(SafeguardingReopened)) == 1
    assert world.state.days[key(MONDAY).stream].status is Status.COMPUTED


async def test_a_person_may_reopen_a_day(world: World) -> None:
    """With a reason; what was prepared counts for the old version only."""
    await _reviewed(world)
    await world.commands.reopen(key(MONDAY), "a letter came", ADA)
    await world.closing.step()
    with pytest.raises(SafeguardingDayState):
        await world.commands.review(key(MONDAY), "", BEN)
    assert world.of(SafeguardingComputed)[-1].version == 2


async def test_figures_are_the_same_bytes_again(world: World) -> None:
    """Two worlds with other ids and times come to the same document."""
    other = World()
    other.writer.now_ns = 10**18
    await _computed(world)
    await other.open(MONDAY + 1)
    await other.state_closing(MONDAY, 1_000, "another id")
    (first,), (second,) = world.of(SafeguardingComputed), other.of(SafeguardingComputed)
    assert first.document == second.document
    assert first.document_sha256 == second.document_sha256
    assert first != second


async def test_a_state_is_saved_and_taken_up_again(world: World) -> None:
    """Whatever has happened, both go on alike."""
    await _reviewed(world)
    await world.open(MONDAY + 2)
    restored = State()
    restored.restore({name: memoryview(content) for name, content in world.state.save()})
    assert restored.digest() == world.state.digest()
    assert restored.last_cut((key(0).tenant, key(0).ledger, key(0).pool)) == MONDAY + 1


async def test_signed_days_leave_memory(world: World) -> None:
    """Those that are long over; one that was never signed stays."""
    await _reviewed(world)
    await world.commands.sign(key(MONDAY), BEN)
    await world.open(MONDAY + 2)
    await world.open(MONDAY + KEPT_DAYS + 2)
    assert next(day.key.day for day in world.state.of_tenant(key(0).tenant)) == MONDAY + 1
