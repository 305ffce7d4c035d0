"""What others see and do while a long decision is under way, and while its group is being committed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ringfence_kernel.rpc.refusals import NotLeader
from ringfence_kernel.store import EventStore, Head
from ringfence_kernel.values import pacing
from ringfence_kernel.values.errors import StoreUnavailable
from ringfence_kernel.writing.deciding import InSteps, Steps, Together
from ringfence_kernel.writing.writer import GroupWriter, Unit
from structlog.testing import capture_logs

from ..tally import CODEC, STREAM, Counted, TooMuch, count

STEPS = 50
OTHER = b"another-stream16"


@pytest.fixture(autouse=True)
def _every_step_lets_others_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a step takes, it is long enough, and no turn of the event loop is too short to count."""
    monkeypatch.setattr(pacing, "STEP_SECONDS", 0.0)
    monkeypatch.setattr(pacing, "IDLE_TURN_SECONDS", 0.0)


def many(writer: GroupWriter, name: str = "a", limit: int = STEPS) -> InSteps[int]:
    """Returns a command that counts up in steps, and refuses beyond a limit."""

    def decide(unit: Unit) -> Steps[int]:
        for _ in range(STEPS):
            count(writer.state, name, limit=limit)(unit)  # type: ignore[arg-type]
            yield
        return int(writer.state.counters[name])  # type: ignore[attr-defined]

    return InSteps(decide)


async def started(writer: GroupWriter) -> None:
    """Returns when a decision in steps has begun."""
    while not writer.journal.mark():
        await asyncio.sleep(0)


async def test_others_work_between_the_steps_and_all_is_one_commit(writer: GroupWriter, store: EventStore) -> None:
    """The event loop turns while a long command is decided; its events are committed together and in order."""
    groups: list[int] = []
    writer.subscribe(lambda recorded: groups.append(len(recorded)))
    seen = set()
    deciding_many = asyncio.create_task(writer.commit(many(writer)))
    while not deciding_many.done():
        seen.add(writer.journal.mark())
        await asyncio.sleep(0)
    assert await deciding_many == STEPS
    assert len(seen) > STEPS
    assert groups == [STEPS]
    assert [each.version for each in store.read(0, 100)] == list(range(1, STEPS + 1))


async def test_no_other_command_comes_between_the_steps(writer: GroupWriter) -> None:
    """What waits with a command in steps, or comes while it is decided, is decided before or after all of it."""
    first = asyncio.create_task(writer.commit(many(writer, limit=10**6)))
    with_it = asyncio.create_task(writer.commit(count(writer.state, "a", by=100)))
    await started(writer)
    later = asyncio.create_task(writer.commit(count(writer.state, "a")))
    assert [await first, await with_it, await later] == [STEPS, STEPS + 100, STEPS + 101]


async def test_one_that_refuses_at_a_late_step_leaves_no_trace(writer: GroupWriter, store: EventStore) -> None:
    """All of a command's steps are taken back when one refuses; its neighbours stand."""
    answers = await asyncio.gather(
        writer.commit(count(writer.state, "b")),
        writer.commit(many(writer, limit=STEPS - 1)),
        writer.commit(count(writer.state, "b")),
        return_exceptions=True,
    )
    assert isinstance(answers[1], TooMuch)
    assert [answers[0], answers[2]] == [1, 2]
    assert [each.version for each in store.read(0, 100)] == [1, 2]


async def test_who_leaves_between_the_steps_is_not_decided(writer: GroupWriter) -> None:
    """A caller who gives up while his neighbour is decided in steps has nothing done, and spoils nothing."""
    first = asyncio.create_task(writer.commit(many(writer)))
    leaving = asyncio.create_task(writer.commit(count(writer.state, "b")))
    staying = asyncio.create_task(writer.commit(count(writer.state, "c")))
    await started(writer)
    leaving.cancel()
    assert [await first, await staying] == [STEPS, 1]
    assert writer.state.counters == {"a": STEPS, "c": 1}  # type: ignore[attr-defined]


async def test_who_leaves_is_not_decided_with_his_neighbours(writer: GroupWriter) -> None:
    """Of commands that are decided in one go those of callers who have left meanwhile are not, and nothing fails."""
    runs: list[list[int]] = []

    def add(unit: Unit, amounts: list[int]) -> list[int]:
        runs.append(amounts)
        return [count(writer.state, "b", by=amount)(unit) for amount in amounts]  # type: ignore[arg-type]

    first = asyncio.create_task(writer.commit(many(writer)))
    amounts = [asyncio.create_task(writer.commit(Together("adding", amount, add))) for amount in (1, 2, 3)]
    await started(writer)
    amounts[1].cancel()
    with capture_logs() as lines:
        assert [await first, await amounts[0], await amounts[2]] == [STEPS, 1, 4]
    assert runs == [[1, 3]]
    assert lines == []


async def test_whoever_knows_no_steps_decides_in_one_go(writer: GroupWriter) -> None:
    """A command in steps that another one wraps is decided with it, to the same end."""
    inner = many(writer)
    assert await writer.commit(lambda unit: inner(unit)) == STEPS


@contextmanager
def held(writer: GroupWriter) -> Iterator[threading.Event]:
    """Has the writer's appends wait until the event is set, then go on, or fail where it is asked to."""
    let_go, append = threading.Event(), writer.store.append

    def waiting(*arguments: Any) -> Head:
        assert let_go.wait(10)
        return append(*arguments)

    writer.store.append = waiting  # type: ignore[method-assign]
    try:
        yield let_go
    finally:
        let_go.set()


async def test_a_read_waits_for_no_group_that_is_about_something_else(writer: GroupWriter) -> None:
    """While a group is being committed, what it has no events of is read at once; what it has is read after it."""
    await writer.commit(count(writer.state, "a", stream=OTHER))
    counters: dict[str, int] = writer.state.counters  # type: ignore[attr-defined]
    with held(writer) as let_go:
        group = asyncio.create_task(writer.commit(count(writer.state, "b")))
        await started(writer)
        assert await writer.read([OTHER], lambda: counters["a"]) == 1
        of_group = asyncio.create_task(writer.read([STREAM], lambda: counters["b"]))
        await asyncio.sleep(0.02)
        assert not group.done()
        assert not of_group.done()
        let_go.set()
        assert [await group, await of_group] == [1, 1]


async def test_a_read_never_sees_what_was_not_committed(writer: GroupWriter, store: EventStore) -> None:
    """A read of what a failing group has changed is refused, or sees what the store holds; never what was lost."""
    counters: dict[str, int] = writer.state.counters  # type: ignore[attr-defined]

    def failing(*arguments: Any) -> Head:
        raise StoreUnavailable

    await writer.commit(count(writer.state, "a"))
    append, writer.store.append = writer.store.append, failing  # type: ignore[method-assign]
    group = asyncio.create_task(writer.commit(count(writer.state, "a", by=10)))
    await started(writer)
    reading = asyncio.create_task(writer.read([STREAM], lambda: counters["a"]))
    with pytest.raises(StoreUnavailable):
        await group
    # The outcome is in doubt: another stream is not read from memory either, until the store has told.
    assert writer.is_stale
    elsewhere = asyncio.create_task(writer.read([OTHER], lambda: writer.is_stale))
    writer.store.append = append  # type: ignore[method-assign]
    assert await reading == 1
    assert await elsewhere is False
    assert [each.event.by for each in store.replay(CODEC)] == [1]


async def test_a_read_waits_where_a_group_records_at_its_end(writer: GroupWriter) -> None:
    """What a group records only when all of it is decided belongs to no stream yet: reads wait for it."""
    counters: dict[str, int] = writer.state.counters  # type: ignore[attr-defined]

    def shared(unit: Unit) -> None:
        unit.journal.put(counters, "shared", 1)
        unit.before_commit("shared", lambda unit: unit.record(OTHER, Counted("b", 1)))

    with held(writer) as let_go:
        group = asyncio.create_task(writer.commit(shared))
        await started(writer)
        reading = asyncio.create_task(writer.read([b"third-stream--16"], lambda: counters["shared"]))
        await asyncio.sleep(0.02)
        assert not reading.done()
        let_go.set()
        await group
        assert await reading == 1


async def test_who_stands_by_reads_nothing(writer: GroupWriter) -> None:
    """A writer that does not lead refuses a read as it does a command, though its state is all committed."""
    writer.stand_by(NotLeader)
    with pytest.raises(NotLeader):
        await writer.read([OTHER], lambda: 0)
