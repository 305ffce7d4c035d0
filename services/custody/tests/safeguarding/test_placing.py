"""Money that came in and was not placed by the end of a day: the same figure whenever it is worked out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ringfence_custody.reconciliation.domain.booked import BOOKED
from ringfence_custody.reconciliation.domain.events import LinesMatched, MatchUndone
from ringfence_custody.reconciliation.domain.lines import LINE, Records
from ringfence_custody.reconciliation.domain.matching import TOLD
from ringfence_custody.reconciliation.domain.mirror import Mirror
from ringfence_custody.reconciliation.domain.state import State as ReconciliationState
from ringfence_custody.safeguarding.adapters.reconciled import Reconciled
from ringfence_custody.safeguarding.domain.events import SafeguardingComputed
from ringfence_custody.safeguarding.domain.figures import OpenSums
from ringfence_custody.safeguarding.domain.state import State
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.writing.journal import Journal

from .world import EUR, MIRROR, MONDAY, TENANT, World, key

CUT = 7
"""The position of the feed at which the day ends."""


def _line(number: int, amount: int, day: int, *, state: int = BOOKED, position: int = 1, keyed: int = 0) -> Records:
    line = np.zeros(1, LINE)
    line["id"], line["key"] = number, keyed or number
    line["amount_minor"], line["day"], line["position"] = amount, day, position
    line["state"], line["open"] = state, 1
    return line


def _unplaced(bank: Records, books: Records) -> int:
    state = ReconciliationState()
    mirror = state.mirrors[TENANT, MIRROR] = Mirror(TENANT, MIRROR, EUR)
    mirror.bank.add(bank, Journal())
    mirror.books.add(books, Journal())
    found = Reconciled(state).sums(TENANT, MIRROR, MONDAY, MONDAY - 1, CUT, 0)
    assert found is not None
    return found.unplaced_minor


@pytest.mark.parametrize(
    ("booked", "state", "position", "amount", "expected"),
    [
        (MONDAY + 1, TOLD, CUT, 500, 500),
        (MONDAY + 1, BOOKED, CUT, 500, 500),
        (MONDAY + 1, TOLD, CUT + 1, 500, 0),
        (MONDAY + 1, BOOKED, CUT, -500, 0),
    ],
    ids=["told", "booked later", "told after the day", "went out"],
)
def test_what_the_books_had_and_no_bank_is_not_placed(
    booked: int, state: int, position: int, amount: int, expected: int
) -> None:
    """Whether the bank has booked it since or not; what came into the books after the day is not of it."""
    bank = _line(1, amount, booked, state=state)
    assert _unplaced(bank, _line(2, amount, booked, position=position, keyed=1)) == expected


def _matched(bank: Records, books: Records) -> LinesMatched:
    ids = (bank["id"].tobytes(), books["id"].tobytes())
    rest = bytes([1]) * len(bank), bytes(4 * len(bank)), bytes(len(bank))
    return LinesMatched(TENANT, MIRROR, ids[0], *ids, *rest, bank.tobytes(), books.tobytes(), ZERO_ID)


async def _document(*events: Any, unplaced: int = 0) -> str:
    """Returns what a day comes to after events, with so much open when it is computed."""
    world = World()
    await world.open(MONDAY + 1)
    for event in events:
        await world.writer.commit(lambda unit, event=event: unit.record(MIRROR, event))
    world.evidence.sums_open = OpenSums(unplaced_minor=unplaced)
    await world.state_closing(MONDAY, 1_000)
    (found,) = world.of(SafeguardingComputed)
    text: str = found.document
    return text


async def test_a_figure_does_not_depend_on_whether_a_later_statement_was_there() -> None:
    """What is matched by then has left memory, and was not placed by the end of the day all the same."""
    later, of_day = _line(1, 500, MONDAY + 1), _line(3, 70, MONDAY)
    after = _line(5, 9, MONDAY + 1)
    bank = np.concatenate([later, of_day, after])
    books = np.concatenate(
        [
            _line(2, 500, MONDAY, position=0, keyed=1),
            _line(4, 70, MONDAY, position=0, keyed=3),
            _line(6, 9, MONDAY + 1, position=99, keyed=5),
        ]
    )
    early, late = await _document(unplaced=500), await _document(_matched(bank, books))
    assert "unplaced 500 " in early
    assert late == early


async def test_a_match_that_is_undone_counts_no_more() -> None:
    """Its lines are open again, and count as such."""
    bank, books = _line(1, 500, MONDAY + 1), _line(2, 500, MONDAY, position=0, keyed=1)
    undone = MatchUndone(TENANT, MIRROR, bytes(16), bank.tobytes(), books.tobytes(), ZERO_ID, "")
    assert await _document(_matched(bank, books), undone, unplaced=500) == await _document(unplaced=500)


async def test_what_a_transfer_brought_counts_once() -> None:
    """Lines may stand several times in a match; a transfer that names nothing, or another movement, is none of it."""
    one, same = _line(1, 500, MONDAY + 1), _line(2, 500, MONDAY, position=0, keyed=1)
    other = _line(4, 500, MONDAY, position=0, keyed=9)
    event = _matched(np.concatenate([one, one, one]), np.concatenate([same, same, other]))
    assert await _document(event) == await _document(unplaced=500)


async def test_what_was_not_placed_is_saved_and_taken_up_again() -> None:
    """A snapshot has it, and it leaves memory with its day."""
    world = World()
    await world.open(MONDAY + 1)
    event = _matched(_line(1, 500, MONDAY + 1), _line(2, 500, MONDAY, position=0, keyed=1))
    await world.writer.commit(lambda unit: unit.record(MIRROR, event))
    restored = State()
    restored.restore({name: memoryview(content) for name, content in world.state.save()})
    assert restored.placed_later_minor(key(MONDAY).stream, MIRROR) == 500
    assert restored.digest() == world.state.digest()
