"""How much is taken on."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest
from ringfence_kernel.values.errors import Overloaded
from ringfence_kernel.writing import backlog as module
from ringfence_kernel.writing.backlog import LEAST_COMMANDS, LEAST_WEIGHT, Backlog, FewWaiting

SECONDS, EACH = 0.1, 10


class Machine:
    """A clock, a backlog, and commands that take as long as the machine needs for their weight."""

    def __init__(self, per_second: float) -> None:
        self.seconds, self.per_second = 0.0, per_second
        self.backlog = Backlog(SECONDS, EACH, now=lambda: self.seconds)

    def fill(self, weight: int) -> ExitStack:
        """Takes on commands of a weight until one is refused; closing what it returns ends them all."""
        held = ExitStack()
        while True:
            try:
                self.hold(held, weight)
            except Overloaded:
                return held

    def hold(self, held: ExitStack, weight: int) -> None:
        """Takes on one command until `held` is closed."""
        with ExitStack() as one:
            one.enter_context(self.backlog)
            one.enter_context(self.backlog.taken(weight))
            one.callback(self.work, EACH + weight)
            held.enter_context(one.pop_all())

    def work(self, weight: int) -> None:
        """Lets the time pass that a weight takes."""
        self.seconds += weight / self.per_second

    def room(self, weight: int) -> float:
        """Returns how much weight is taken on at once."""
        with self.fill(weight):
            return self.backlog._weight

    def settle(self, weight: int) -> float:
        """Returns the same once the machine's rate is known."""
        for _ in range(100):
            self.room(weight)
        return self.room(weight)


@pytest.mark.parametrize("per_second", [100_000.0, 400_000.0])
def test_room_follows_the_machine(per_second: float) -> None:
    """What is taken on is done, within a quarter, in the time promised, however fast the machine is."""
    assert Machine(per_second).settle(190) == pytest.approx(per_second * SECONDS, rel=0.25)


def test_machine_that_becomes_slower_takes_less_on() -> None:
    """When work begins to take longer than promised, the room shrinks with the rate."""
    machine = Machine(400_000.0)
    machine.settle(190)
    machine.per_second = 100_000.0
    assert machine.settle(190) == pytest.approx(10_000, rel=0.25)


def test_idle_times_leave_the_room_as_it_is() -> None:
    """That little was asked for says nothing about what could be done."""
    machine = Machine(400_000.0)
    room = machine.settle(190)
    for _ in range(50):
        machine.seconds += 1.0
        with ExitStack() as one:
            machine.hold(one, 1)
    assert machine.room(190) == pytest.approx(room, rel=0.05)


def test_few_commands_are_always_taken_on() -> None:
    """Four commands are, of whatever weight, and a small weight of however many on however slow a machine."""
    machine = Machine(1_000.0)
    machine.settle(190)
    assert machine.room(190) > LEAST_WEIGHT - 200
    assert machine.room(10**6) == LEAST_COMMANDS * (10**6 + EACH)


def test_hints_grow_with_those_sent_away_and_end() -> None:
    """Everybody sent away is told a later time, from 0.5 to 5 s; when they have had their time, it is short again."""
    machine = Machine(100_000.0)
    machine.settle(190)
    with machine.fill(190):
        hints = [machine.backlog.refusal(9_990).retry_after_seconds for _ in range(100)]
        machine.seconds += 60.0
        later = machine.backlog.refusal(190).retry_after_seconds
    assert hints == sorted(hints)
    assert hints[0] == 0.5
    assert hints[-1] == 5.0
    assert later == 0.5


def test_refused_and_failed_commands_leave_nothing() -> None:
    """Whatever becomes of a command, its place and weight are given back."""
    machine = Machine(100_000.0)
    with pytest.raises(ZeroDivisionError), machine.backlog, machine.backlog.taken(10**9):
        raise ZeroDivisionError
    assert machine.backlog._places == machine.backlog._weight == 0


async def test_few_may_wait() -> None:
    """As many as are always taken on wait; one more is refused at once."""
    released = asyncio.Event()

    async def wait() -> None:
        await released.wait()

    waiting = FewWaiting(lambda: not released.is_set(), wait, Overloaded)
    first = [asyncio.create_task(waiting.wait()) for _ in range(LEAST_COMMANDS)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await waiting.wait()
    released.set()
    await asyncio.gather(*first)
    await waiting.wait()


async def test_nobody_waits_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has waited too long is refused."""
    monkeypatch.setattr(module, "LONGEST_WAIT_SECONDS", 0.01)

    async def wait() -> None:
        await asyncio.sleep(60)

    with pytest.raises(Overloaded):
        await FewWaiting(lambda: True, wait, Overloaded).wait()
