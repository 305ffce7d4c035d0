"""Money at a bank beyond what the books hold for it: a class of break of its own, due on its day."""

from __future__ import annotations

import pytest
from ringfence_custody.reconciliation.domain.breaks import Break
from ringfence_kernel.values.clock import DAY_NS
from ringfence_protos.custody.v1 import reconciliation_pb2 as pb

from ..conftest import Custody
from ..ledger import SECOND, id_of
from .test_reconciling import pay
from .town import TODAY, Movement, Town


@pytest.fixture
async def town(custody: Custody) -> Town:
    """A bank that has booked 50, of which the books hold 30."""
    town = await Town.built(custody)
    await town.deposit("a part", 30, entry="a part")
    await town.tell(Movement("in", 50, entry="a part"))
    await town.statement(TODAY)
    town.custody.clock.advance(601 * SECOND)
    await town.work()
    return town


def _only(town: Town) -> Break:
    (found,) = town.breaks.values()
    return found


async def test_what_a_bank_has_beyond_the_books_is_an_excess(town: Town) -> None:
    """It is of the bank's line, and due on the day that it is found; operators find it by its kind."""
    found = _only(town)
    assert (found.line, found.kind.value, found.status.value) == (id_of("in"), "EXCESS", "CLASSIFIED")
    assert found.due_day == found.detected_day
    await town.custody.project()
    listed = await town.ask("ListBreaks", pb.ListBreaksRequest(kind=pb.BREAK_KIND_EXCESS))
    assert [each.break_id for each in listed.breaks] == [found.id]


async def test_an_excess_ends_when_the_books_have_the_rest(town: Town) -> None:
    """The movement was posted by a second entry: both are what the bank has booked."""
    await town.deposit("the rest", 20, entry="the rest")
    await town.tell(Movement("in", 50, entry="the rest"))
    await town.work()
    assert town.states() == {id_of("in"): ("EXCESS", "RESOLVED")}


async def test_an_excess_that_nobody_takes_is_escalated_when_its_day_is_over(town: Town) -> None:
    """Whatever is too much is to be put right on the day."""
    town.custody.clock.advance(DAY_NS)
    await town.work()
    assert _only(town).status.value == "ESCALATED"


@pytest.mark.parametrize(("taken", "kind"), [(100, "OURS"), (130, "BANK")])
async def test_of_money_that_went_out_nothing_is_an_excess(custody: Custody, taken: int, kind: str) -> None:
    """Of a payment of 120 the bank took less, and it is the books that are wrong; or more, and it is the bank."""
    town = await Town.built(custody)
    await pay(town, "paid", 120)
    await town.tell(Movement("out", -taken, reserved="paid"))
    await town.statement(TODAY)
    town.custody.clock.advance(601 * SECOND)
    await town.work()
    assert town.states() == {id_of("out"): (kind, "CLASSIFIED")}
