"""What is asked about for ever: the newest in memory, the rest looked up before a decision, and never out of date."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.clock import ManualClock
from ringfence_kernel.values.errors import Overloaded, StoreUnavailable
from ringfence_kernel.writing.departed import LookAgain
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.looking_up import KEYS_AT_ONCE, MOST_LOOKS, Knowing, LookUps
from ringfence_kernel.writing.recent import LookedUp, Recent
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ..tally import CODEC, Tally, count

MOST = 3


@dataclass(frozen=True, slots=True)
class Note:
    """A value."""

    text: bytes


def key(number: int, version: int = 7, owner: bytes = b"owner of entries") -> bytes:
    """Returns a key whose id has a version, and rises with the number."""
    return owner + number.to_bytes(6, "big") + bytes((version << 4,)) + bytes(9)


def filled(*numbers: int) -> Recent[Note]:
    """Returns what these entries leave, at positions 1, 2, 3 …"""
    recent = Recent(Note, MOST)
    for position, number in enumerate(numbers, start=1):
        recent.put(key(number), Note(b"%d" % position), position, Journal())
    return recent


def test_the_newest_stay() -> None:
    """Older entries leave in order, and the position of the last that left is known."""
    recent = filled(1, 2, 3, 4, 5)
    assert [recent.get(key(number)) is not None for number in range(1, 6)] == [False, False, True, True, True]
    assert recent.forgotten_position == 2
    assert len(recent) == MOST


def test_an_entry_that_came_again_stays_as_long_as_its_newest() -> None:
    """What leaves is the earlier entry alone: nothing that is not here any more was forgotten by that."""
    recent = filled(1, 2, 1, 3)
    assert (recent.get(key(1)), recent.forgotten_position) == (Note(b"3"), 0)
    recent.put(key(4), Note(b"5"), 5, Journal())
    assert (recent.get(key(2)), recent.forgotten_position) == (None, 2)


@given(st.lists(st.integers(1, 6), max_size=20), st.lists(st.integers(1, 6), max_size=20))
def test_a_failed_group_leaves_no_trace(before: list[int], group: list[int]) -> None:
    """Whatever came and left within a group is taken back exactly."""
    recent, journal = filled(*before), Journal()
    digest = recent.digest()
    for position, number in enumerate(group, start=len(before) + 1):
        recent.put(key(number), Note(b"new"), position, journal)
    journal.rollback()
    assert recent.digest() == digest
    assert [recent.get(key(number)) for number in range(7)] == [filled(*before).get(key(n)) for n in range(7)]


@given(st.lists(st.integers(1, 6), max_size=20), st.lists(st.integers(1, 6), max_size=20))
def test_what_was_saved_goes_on_alike(before: list[int], after: list[int]) -> None:
    """Saved, restored and continued, it is what all the entries lead to."""
    restored = Recent(Note, MOST)
    restored.restore(memoryview(filled(*before).save()))
    for position, number in enumerate(after, start=len(before) + 1):
        restored.put(key(number), Note(b"%d" % position), position, Journal())
    assert restored.digest() == filled(*before, *after).digest()


def test_another_format_is_not_restored() -> None:
    """Sections of another shape are refused, and leave everything as it was."""
    recent = filled(1)
    for content in (b"", b"\x90", filled(1, 2).save()[:-1]):
        with pytest.raises(ValueError, match=r"truncated|Expected|range"):
            recent.restore(memoryview(content))
    assert recent.digest() == filled(1).digest()


def test_a_look_counts_until_something_newer_has_left() -> None:
    """A decision that lets go of an entry after its look-up is not to be trusted, whenever within it that happens."""
    recent = filled(1, 2, 3, 4)
    with recent.as_of(1, [key(2)]):
        assert recent.forgotten_position == 1
    with pytest.raises(LookAgain), recent.as_of(1, [key(9), key(2)]):
        recent.put(key(5), Note(b""), 5, Journal())


def test_a_key_above_all_that_have_left_needs_no_look() -> None:
    """Ids that rise with time are new when they are high, whatever ids of another make or another owner have left."""
    recent = filled(5, 6, 7, 8, 9)
    assert [recent.may_have_left(key(number)) for number in (1, 5, 6, 7)] == [True, True, True, False]
    assert not recent.may_have_left(key(1, owner=b"one who has none"))
    recent.put(key(1, version=4), Note(b""), 6, Journal())
    for position in (7, 8, 9):
        recent.put(key(position), Note(b""), position, Journal())
    assert recent.may_have_left(key(1, version=4))
    assert not recent.may_have_left(key(2, version=4))
    with recent.as_of(0, [key(2, version=4), key(10)]):
        assert recent.forgotten_position == 6


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from([4, 7])), max_size=30))
def test_whatever_has_left_may_have_left(entries: list[tuple[int, int]]) -> None:
    """No entry that was ever there, and is not, is taken for one that never was."""
    recent = Recent(Note, MOST)
    for position, (number, version) in enumerate(entries, start=1):
        recent.put(key(number, version), Note(b""), position, Journal())
    for number, version in entries:
        assert recent.get(key(number, version)) or recent.may_have_left(key(number, version))


def test_a_key_is_an_owner_and_an_id() -> None:
    """Anything of another length is a mistake of whoever made it."""
    with pytest.raises(ValueError, match="32 bytes"):
        filled().put(b"short", Note(b""), 1, Journal())


class Table:
    """A table that can be held up; `reads` has the keys of every read."""

    def __init__(self) -> None:
        """Lets reads pass."""
        self.reads: list[list[bytes]] = []
        self.positions = [0]
        self.passing = threading.Event()
        self.passing.set()
        self.error: Exception | None = None

    def read(self, keys: Sequence[bytes]) -> LookedUp[Note]:
        """Returns a note for every key."""
        self.reads.append(list(keys))
        self.passing.wait(10)
        if self.error:
            raise self.error
        position = self.positions.pop(0) if len(self.positions) > 1 else self.positions[0]
        return LookedUp(position, {each: Note(each) for each in keys})


async def test_look_ups_are_made_together() -> None:
    """Those that come while one is under way are one read, and none is answered from a read that began before it."""
    table = Table()
    look_ups = LookUps(table.read)
    table.passing.clear()
    first = look_ups.look_up([key(1)])
    while not table.reads:
        await asyncio.sleep(0.001)
    others = [look_ups.look_up([key(number)]) for number in range(2, 50)]
    table.passing.set()
    answers = await asyncio.gather(first, *others)
    assert table.reads == [[key(1)], [key(number) for number in range(2, 50)]]
    assert all(key(number) in answer.found for number, answer in enumerate(answers, start=1))


async def test_a_read_is_bounded() -> None:
    """However many wait, a read asks for no more keys than go together, or for those of one caller."""
    table = Table()
    look_ups = LookUps(table.read)
    asked = [[key(number)] * (KEYS_AT_ONCE - 1) for number in range(3)]
    await asyncio.gather(*map(look_ups.look_up, asked), look_ups.look_up([key(9)]))
    assert [len(read) for read in table.reads] == [KEYS_AT_ONCE - 1, KEYS_AT_ONCE - 1, KEYS_AT_ONCE]


async def test_a_failed_look_is_told_to_all_and_is_not_the_last() -> None:
    """Who asked is refused, who left is nobody's worry, and the next look is made."""
    table = Table()
    look_ups = LookUps(table.read)
    table.error = StoreUnavailable("away")
    left, stayed = look_ups.look_up([key(1)]), look_ups.look_up([key(2)])
    left.cancel()
    with pytest.raises(StoreUnavailable):
        await stayed
    table.error = None
    assert (await look_ups.look_up([key(3)])).found == {key(3): Note(key(3))}


@pytest.fixture
async def writer(tally_store: EventStore) -> AsyncIterator[GroupWriter]:
    """A running writer."""
    made = GroupWriter(tally_store, CODEC, Tally(), ManualClock(1_000))
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def position_of(unit: Unit, known: LookedUp[Note]) -> int:
    """A command that answers by which look it was decided."""
    return known.position


async def test_what_was_never_recorded_is_not_looked_up(writer: GroupWriter) -> None:
    """Without keys, or with such as are not here and cannot have left, nothing is read: the head answers."""
    for _ in range(4):
        await writer.commit(count(writer.state, "a"))  # type: ignore[arg-type]
    table = Table()
    knowing = Knowing(writer, filled(1, 2, 3, 4), LookUps(table.read))
    assert await knowing.commit([], position_of) == await knowing.commit([key(7), key(9)], position_of) == 4
    assert table.reads == []
    await asyncio.gather(knowing.begin([key(1), key(7)]), knowing.begin([key(4)]))
    assert table.reads == [[key(1), key(7)]] or table.reads == [[key(1), key(7), key(4)]]


async def test_a_decision_whose_own_entry_lets_go_of_a_higher_one_is_made(writer: GroupWriter) -> None:
    """What leaves by the decision itself was in memory when it began: no look is needed for it, then or again."""
    recent = filled(9, 8, 7)
    for _ in range(3):
        await writer.commit(count(writer.state, "a"))  # type: ignore[arg-type]
    table = Table()

    def record(unit: Unit, known: LookedUp[Note]) -> int:
        recent.put(key(1), Note(b""), 4, unit.journal)
        return recent.forgotten_position

    assert await Knowing(writer, recent, LookUps(table.read)).commit([key(1)], record) == 1
    assert recent.may_have_left(key(1))
    assert table.reads == []


async def test_an_old_look_is_taken_again(writer: GroupWriter) -> None:
    """A command decides by a look that is current, and gives up where none ever is."""
    table = Table()
    knowing = Knowing(writer, filled(1, 2, 3, 4, 5, 6), LookUps(table.read))
    table.positions = [1, 2, 3]
    assert await knowing.commit([key(1), key(9)], position_of, looking=knowing.begin([key(1), key(9)])) == 3
    assert table.reads == [[key(1), key(9)]] * 3
    table.positions = [2]
    with pytest.raises(Overloaded):
        await knowing.commit([key(1)], position_of)
    assert len(table.reads) == 3 + MOST_LOOKS
