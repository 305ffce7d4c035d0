"""What a platform owes by what its bank took: a break of what is missing, until it was given."""

from __future__ import annotations

import pytest
from ringfence_custody.ledger.domain.result_codes import TransferFlag
from ringfence_custody.reconciliation.domain.breaks import Break, Side
from ringfence_custody.reconciliation.domain.state import State
from ringfence_kernel.values.ids import repayment_id
from ringfence_protos.custody.v1 import reconciliation_pb2 as pb

from ..conftest import Custody
from ..ledger import EUR, RESTORATION, REVERSAL, SHORTFALL_FUNDING, Row, id_of
from .town import TODAY, Movement, Town

OWED = b"shortfall" + bytes(3) + EUR.to_bytes(4, "big")
BALANCING = TransferFlag.BALANCING_DEBIT


@pytest.fixture
async def town(custody: Custody) -> Town:
    """A mirror whose bank has brought 50, which alice has: all that she has but 1,000."""
    town = await Town.built(custody)
    await town.deposit("brought", 50, entry="brought")
    await town.tell(Movement("in", 50, entry="brought"))
    return town


async def taken(town: Town, amount: int, *, given: bool = True) -> None:
    """Has the bank take money, and alice give for it what she has."""
    entry = id_of("taken")
    rows = [Row("taken", OWED, "bank", amount, code=REVERSAL, user_data_128=entry)]
    if given:
        rows.append(Row("given", "alice", OWED, amount, int(BALANCING), code=REVERSAL, user_data_128=entry))
    assert await town.post(*rows, entry="taken") == ["created"] * len(rows)
    await town.tell(Movement("out", -amount, entry="taken"))


def owed(town: Town) -> list[Break]:
    """Returns the breaks of what is owed."""
    return [each for each in town.breaks.values() if each.side is Side.OWED]


@pytest.mark.parametrize("is_stated", [False, True])
async def test_what_a_client_has_given_is_not_owed(town: Town, is_stated: bool) -> None:
    """A reversal whose money was there is a movement like any other: nothing is to be funded."""
    await taken(town, 30)
    if is_stated:
        await town.statement(TODAY)
    await town.work()
    assert owed(town) == []
    assert town.custody.reconciled.owed == {}


async def test_what_is_missing_is_a_break_until_it_was_given(town: Town) -> None:
    """The break is of what nobody gave; what is given afterwards ends it, the rest at once and by itself."""
    await taken(town, 5_000)
    await town.work()
    (found,) = owed(town)
    missing = found.amount_minor
    assert (0 < missing < 5_000, found.line, found.incoming) == (True, id_of("taken"), False)
    await town.deposit("more", missing)
    for name, amount in (("some", 1), ("rest", missing - 1)):
        row = Row(name, "alice", OWED, amount, int(BALANCING), code=REVERSAL, user_data_128=id_of("taken"))
        assert await town.post(row) == ["created"]
        await town.work()
    assert [each.status.value for each in owed(town)] == ["RESOLVED"]


async def test_what_is_funded_is_owed_no_more(town: Town) -> None:
    """By as much as is missing now; a break that was resolved so does not come again."""
    await taken(town, 12, given=False)
    await town.statement(TODAY)
    await town.work()
    (found,) = owed(town)
    assert await town.post(Row("some", "alice", OWED, 2, code=REVERSAL, user_data_128=id_of("taken"))) == ["created"]
    assert await town.post(Row("own", "bank", OWED, 10, code=SHORTFALL_FUNDING)) == ["created"]
    await town.custody.project()
    await town.ask("FundBreak", pb.FundBreakRequest(break_id=found.id, transfer_id=id_of("own"), note="paid"))
    await town.work()
    assert [each.status.value for each in owed(town)] == ["RESOLVED"]
    assert town.custody.reconciled.owed == {}


@pytest.mark.parametrize("is_restored", [False, True])
async def test_what_has_come_back_is_owed_no_more(town: Town, is_restored: bool) -> None:
    """Under the entry by which it comes back, and as far as it does."""
    await taken(town, 12, given=False)
    if is_restored:
        state = town.custody.reconciled
        state.restore({name: memoryview(bytes(content)) for name, content in state.save()})
    await town.work()
    assert [each.amount_minor for each in owed(town)] == [12]
    for name, amount, missing in (("some", 4, [8]), ("rest", 8, [])):
        row = Row(name, "bank", OWED, amount, code=RESTORATION, user_data_128=repayment_id(id_of("taken")))
        assert await town.post(row) == ["created"]
        assert [each.missing_minor for each in town.custody.reconciled.owed.values()] == missing
    await town.work()
    assert [each.status.value for each in owed(town)] == ["RESOLVED"]


async def test_what_is_owed_outlives_a_restart(town: Town) -> None:
    """A snapshot holds it, and the digest tells it apart."""
    before = town.custody.reconciled.digest()
    await taken(town, 12, given=False)
    state = town.custody.reconciled
    restored = State()
    restored.restore({name: memoryview(bytes(content)) for name, content in state.save()})
    assert (restored.owed, restored.digest()) == (state.owed, state.digest())
    assert len(state.owed) == 1
    assert state.digest() != before
