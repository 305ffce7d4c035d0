"""A message is withdrawn or delivered, never both and never neither, whoever hangs or ends on the way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from ringfence_payment_instruction.rail.application.ports import Rail
from ringfence_payment_instruction.standing.domain.state import Standing
from ringfence_payment_instruction.submissions.domain.status import Status

from .fakes import FakeSeals
from .test_payment_rail import Bank, Fuse, FusedRail, FusedStore, bucket_bank, folder_bank
from .test_payment_stops import ANNA, note, submit
from .world import World

__all__ = ["bucket_bank", "folder_bank"]

STEPS = (
    "before the tombstone is put",
    "when it stands",
    "before the withdrawal is committed",
    "when it is committed",
)
SECONDS = 30


class HangingRail:
    """The rail of a leader that hangs with a message in its hand, until somebody lets it go on."""

    def __init__(self, rail: Rail) -> None:
        self._rail = rail
        self.holds, self.goes_on, self.is_over = (threading.Event() for _ in range(3))

    def deliver(self, message_id: str, content: bytes) -> str | None:
        self.holds.set()
        self.goes_on.wait(SECONDS)
        try:
            return self._rail.deliver(message_id, content)
        finally:
            self.is_over.set()

    def pending(self) -> list[str]:
        return []

    async def let_go(self) -> None:
        """Has it put what it holds, long after it has been deposed."""
        self.goes_on.set()
        assert await asyncio.to_thread(self.is_over.wait, SECONDS)


@pytest.fixture(params=["folder", "bucket"])
def bank(request: pytest.FixtureRequest) -> Bank:
    """A bank of each kind."""
    found: Bank = request.getfixturevalue(f"{request.param}_bank")
    return found


@pytest.fixture
def hanging(bank: Bank) -> Iterator[HangingRail]:
    """A leader's rail, which hangs."""
    rail = HangingRail(bank.rail())
    yield rail
    rail.goes_on.set()


async def deposed(world: World, hanging: HangingRail) -> None:
    """Brings a payment to where its leader hangs before it puts the message, and its client is blocked."""
    world.rail = hanging  # type: ignore[assignment]
    await world.restart()
    await submit(world, "payment")
    await world.until(hanging.holds.is_set)
    await note(world, ANNA, Standing.BLOCKED)


async def lead(world: World, rail: Rail) -> None:
    """Has another process lead."""
    world.rail, world.seals = rail, FakeSeals()  # type: ignore[assignment]
    await world.restart()


async def lead_until(world: World, bank: Bank, at: int) -> Fuse:
    """Has another process lead that ends at a step of withdrawing."""
    fuse = Fuse(at)
    await lead(world, FusedRail(bank.rail(), fuse))  # type: ignore[arg-type]
    world.writer.store = FusedStore(world.store, fuse)  # type: ignore[assignment]
    return fuse


class ClosedRail:
    """A rail that neither takes nor tells anything."""

    def deliver(self, message_id: str, content: bytes) -> str | None:
        raise OSError(28, "No space left on device")

    def withdraw(self, message_id: str) -> bool:
        raise OSError(28, "No space left on device")

    def pending(self) -> list[str]:
        return []


async def lift(world: World) -> None:
    """Has the client stand well again before anybody comes to the rail."""
    await lead(world, ClosedRail())  # type: ignore[arg-type]
    await note(world, ANNA, Standing.GOOD)


async def ended(world: World) -> None:
    """Waits until a payment is held or sent."""
    await world.until(lambda: world.status("payment") in (Status.HELD, Status.SENT))


async def test_a_deposed_leader_delivers_nothing_that_was_withdrawn(
    world: World, bank: Bank, hanging: HangingRail
) -> None:
    """The withdrawal is final: what the old leader puts afterwards is not there, and the bank is paid once, later."""
    await deposed(world, hanging)
    await lead(world, bank.rail())
    await world.reaches("payment", Status.HELD)
    await hanging.let_go()
    bank.take()
    assert bank.taken == []
    await note(world, ANNA, Standing.GOOD)
    await world.reaches("payment", Status.SENT)
    bank.take()
    assert len(bank.taken) == 1


async def test_what_a_deposed_leader_has_put_is_not_withdrawn(world: World, bank: Bank, hanging: HangingRail) -> None:
    """It is out, whether the bank has taken it by then or not, and the payment says so."""
    await deposed(world, hanging)
    await hanging.let_go()
    await lead(world, bank.rail())
    await ended(world)
    bank.take()
    assert (world.status("payment"), len(bank.taken)) == (Status.SENT, 1)


@pytest.mark.parametrize("is_lifted", [False, True], ids=["stopped still", "lifted meanwhile"])
@pytest.mark.parametrize("puts", ["before", "after"])
@pytest.mark.parametrize("at", range(len(STEPS)), ids=STEPS)
async def test_whoever_ends_while_withdrawing_leaves_one_truth(
    world: World, bank: Bank, hanging: HangingRail, at: int, puts: str, is_lifted: bool
) -> None:
    """The second leader ends at each step, and the first one's put comes right then or at last: held or sent, not both.

    In the end, with the stop lifted, the bank has the payment exactly once.
    """
    await deposed(world, hanging)
    fuse = await lead_until(world, bank, at)
    await world.until(lambda: fuse.is_blown)
    if puts == "before":
        await hanging.let_go()
    if is_lifted:
        await lift(world)
    await lead(world, bank.rail())
    await (world.reaches("payment", Status.SENT) if is_lifted else ended(world))
    if puts == "after":
        await hanging.let_go()
    bank.take()
    assert len(bank.taken) == (1 if world.status("payment") is Status.SENT else 0)
    if world.status("payment") is Status.HELD:
        await note(world, ANNA, Standing.GOOD)
        await world.reaches("payment", Status.SENT)
        bank.take()
    assert len(bank.taken) == 1


async def test_the_steps_are_all_there_are(world: World, folder_bank: Bank) -> None:
    """A withdrawal that nobody ends takes as many steps as the test above ends it at."""
    hanging = HangingRail(folder_bank.rail())
    await deposed(world, hanging)
    fuse = await lead_until(world, folder_bank, 10**6)
    await world.reaches("payment", Status.HELD)
    hanging.goes_on.set()
    assert fuse.steps == len(STEPS)
