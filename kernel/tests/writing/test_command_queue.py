"""What waits for the writer: bounded, in order, and gathered into groups."""

import asyncio

import pytest
from ringfence_kernel.values.errors import Overloaded
from ringfence_kernel.writing import command_queue
from ringfence_kernel.writing.command_queue import FEW_COMMANDS, CommandQueue, Pending

MANY = FEW_COMMANDS + 4


def put(queue: CommandQueue, count: int, *, weight: int = 1) -> list[Pending]:
    """Puts so many commands."""
    commands = [Pending(None, weight, "") for _ in range(count)]
    for each in commands:
        queue.put(each)
    return commands


async def some_passes() -> None:
    """Lets everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the writer wait for its callers for as long as a test may take."""
    monkeypatch.setattr(command_queue, "GATHERING_SECONDS", 20)


@pytest.mark.usefixtures("patient")
async def test_a_group_waits_for_as_many_as_the_one_before() -> None:
    """Callers who were answered together come back a little apart, and are taken together again."""
    queue = CommandQueue(1_000, 1_000)
    put(queue, MANY)
    await queue.take()
    taking = asyncio.create_task(queue.take())
    await some_passes()
    commands = put(queue, MANY - 1)
    await some_passes()
    assert not taking.done()
    commands += put(queue, 1)
    assert await taking == commands


@pytest.mark.usefixtures("patient")
async def test_those_who_wait_already_are_under_way_too() -> None:
    """What came while a group was being committed counts like the group itself."""
    queue = CommandQueue(1_000, 1_000)
    put(queue, MANY)
    await queue.take()
    commands = put(queue, 3)
    taking = asyncio.create_task(queue.take())
    await some_passes()
    commands += put(queue, MANY - 1)
    await some_passes()
    assert not taking.done()
    commands += put(queue, 1)
    assert await taking == commands


@pytest.mark.usefixtures("patient")
async def test_few_never_wait_for_each_other() -> None:
    """A group of few commands is followed by whatever comes first."""
    queue = CommandQueue(1_000, 1_000)
    put(queue, FEW_COMMANDS - 1)
    await queue.take()
    commands = put(queue, 1)
    assert await queue.take() == commands


async def test_callers_that_stay_away_are_not_waited_for() -> None:
    """A moment after a group, the next is what has come."""
    queue = CommandQueue(1_000, 1_000)
    put(queue, MANY)
    await queue.take()
    commands = put(queue, 1)
    assert await queue.take() == commands


@pytest.mark.usefixtures("patient")
async def test_weight_makes_a_group_full() -> None:
    """A heavy command is taken at once, however few came with it; what is beyond a group stays for the next."""
    queue = CommandQueue(1_000, 100)
    put(queue, MANY)
    await queue.take()
    heavy, other = put(queue, 1, weight=100), put(queue, 1)
    assert await queue.take() == heavy
    assert await queue.take() == other


async def test_a_queue_has_room_for_so_much() -> None:
    """Beyond its limit a command is refused, unless it is alone; one that leaves or is cleared makes room."""
    queue = CommandQueue(5, 1_000)
    (large,) = put(queue, 1, weight=9)
    with pytest.raises(Overloaded):
        put(queue, 1)
    queue.withdraw(large)
    queue.withdraw(large)
    put(queue, 5)
    with pytest.raises(Overloaded):
        put(queue, 1)
    assert len(queue.clear()) == 6
    assert room_of(queue) == 5


def room_of(queue: CommandQueue) -> int:
    """Returns how many commands of weight 1 go in before one is refused."""
    count = 0
    while True:
        try:
            put(queue, 1)
        except Overloaded:
            return count
        count += 1


async def test_commands_whose_callers_are_gone_are_not_taken() -> None:
    """A cancelled command is left out of its group."""
    queue = CommandQueue(1_000, 1_000)
    gone, waits = put(queue, 2)
    gone.future.cancel()
    assert await queue.take() == [waits]
