"""What a writer decides again, and what it says when deciding fails."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from ringfence_kernel.store import EventStore, Head, NewEvent
from ringfence_kernel.values.clock import ManualClock
from ringfence_kernel.writing.deciding import Together
from ringfence_kernel.writing.writer import GroupWriter, Unit
from structlog.testing import capture_logs

from ..tally import CODEC, Counted, Tally, TooMuch, count


async def test_one_that_refuses_does_not_take_its_neighbours_with_it(writer: GroupWriter, store: EventStore) -> None:
    """When a run of commands cannot be decided in one go, each is decided alone, and only the guilty one refused."""

    def add(unit: Unit, amounts: list[int]) -> list[int]:
        return [count(writer.state, "a", by=amount, limit=100)(unit) for amount in amounts]

    answers = await asyncio.gather(
        *(writer.commit(Together("adding", amount, add)) for amount in (1, 1_000, 2)), return_exceptions=True
    )
    assert answers[0] == 1
    assert isinstance(answers[1], TooMuch)
    assert answers[2] == 3
    assert [e.version for e in store.read(0, 10)] == [1, 2]


async def test_a_joint_decision_that_fails_tells_why(writer: GroupWriter, store: EventStore) -> None:
    """A fault that shows only when commands are decided together is in the log, and fails none of them."""

    def add(unit: Unit, amounts: list[int]) -> list[int]:
        if len(amounts) > 1:
            raise ZeroDivisionError
        return [count(writer.state, "a", by=amount)(unit) for amount in amounts]

    with capture_logs() as lines:
        answers = await asyncio.gather(*(writer.commit(Together("adding", amount, add)) for amount in (1, 2)))
    assert answers == [1, 3]
    assert [(line["event"], line["commands"]) for line in lines] == [("command_failed", 2)]


async def test_who_has_left_during_a_conflict_is_not_decided_again(writer: GroupWriter, store: EventStore) -> None:
    """A caller gives up while his group is being written after another writer's; the others are decided again."""
    other = GroupWriter(store, CODEC, Tally(), ManualClock(0))
    other.load()
    decided: list[str] = []
    leaving: list[asyncio.Task[int]] = []

    class Slow(EventStore):
        """Lets another writer in first, and a caller leave."""

        def append(self, *arguments: Any) -> Head:
            """Writes behind another's event, once."""
            if not leaving[0].cancelled():
                store.append(0, [NewEvent(b"o" * 16, 1, *CODEC.encode(Counted("o", 1), 1))])
                loop.call_soon_threadsafe(leaving[0].cancel)
                time.sleep(0.1)
            return store.append(*arguments)

    def noting(name: str) -> Any:
        def decide(unit: Unit) -> int:
            decided.append(name)
            return int(count(writer.state, name)(unit))

        return decide

    loop = asyncio.get_running_loop()
    writer.store = Slow("")
    writer.store.replay, writer.store.head = store.replay, store.head  # type: ignore[method-assign]
    leaving.append(asyncio.create_task(writer.commit(noting("leaves"))))
    stays = asyncio.create_task(writer.commit(noting("stays")))
    with capture_logs() as lines:
        assert await stays == 1
    assert decided == ["leaves", "stays", "stays"]
    assert not [line for line in lines if line["log_level"] == "error"]
    assert writer.state.counters == {"o": 1, "stays": 1}
