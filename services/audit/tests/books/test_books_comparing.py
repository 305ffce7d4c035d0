"""Every closing that differs is named once, whatever follows it before somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from ringfence_audit.books.application.comparing import SHOWN_SECONDS, Comparing
from ringfence_audit.books.application.ports import Closed
from ringfence_audit.log.domain.leaf import Value
from structlog.testing import capture_logs

Named = Callable[[], list[tuple[str, int]]]
"""Gives events and leaves that the logs named."""

ONE, OTHER = bytes(15) + b"1", bytes(15) + b"2"


@dataclass
class Closings:
    """Closings in memory, and the log's leaf up to which they are stated; a log of the first format states none."""

    closed: list[Closed] = field(default_factory=list)
    stated: int = 0
    states: bool = True

    def add(self, leaf: int, tenant: bytes = ONE, *, is_same: bool = True, is_covered: bool = True) -> None:
        """Closes."""
        self.closed.append(Closed(leaf, tenant, 978, leaf, is_same, is_covered, {}))

    def after(self, leaf: int, limit: int) -> Sequence[Closed]:
        """Gives them from a leaf on."""
        return [each for each in self.closed if each.leaf >= leaf][:limit]

    def newest(self) -> Sequence[Closed]:
        """Gives the newest of each book."""
        return list({(each.tenant, each.ledger): each for each in self.closed}.values())

    async def record(self, leaf: int, stated: Mapping[str, Value]) -> bool:
        """States one."""
        if self.states:
            self.stated = leaf + 1
        return self.states


def watching(closings: Closings, now: list[float]) -> Comparing:
    """Gives what compares, as a process begins with it."""
    return Comparing(closings, closings.record, lambda: closings.stated, lambda: now[0])


@pytest.fixture
def named() -> Iterator[Named]:
    """Gives what was named since the last time, whatever the tests before have made of the logs."""

    def since() -> list[tuple[str, int]]:
        found = [(str(line["event"]), int(line["leaf"])) for line in lines if str(line["event"]).startswith("books_")]
        lines.clear()
        return found

    with capture_logs() as lines:
        yield since


async def test_what_a_good_closing_follows_at_once_is_named_and_shown(named: Named) -> None:
    """Once, for both findings, also of several between two looks; the metric shows it until it was scraped."""
    closings, now = Closings(), [0.0]
    comparing = watching(closings, now)
    closings.add(3, is_same=False)
    closings.add(4, OTHER, is_covered=False)
    closings.add(5)
    closings.add(6, OTHER)
    await comparing.look()
    await comparing.look()
    assert named() == [("books_different", 3), ("books_uncovered", 4)]
    assert [count for count, _ in comparing._counts()] == [1, 1]
    assert await comparing.problem() is None
    now[0] = SHOWN_SECONDS
    assert [count for count, _ in comparing._counts()] == [0, 0]
    assert closings.stated == 7


@pytest.mark.parametrize("states", [True, False])
async def test_a_difference_is_named_once_by_each_process(named: Named, states: bool) -> None:
    """The newest of a book also by the next one, and never twice by one; also where none is stated."""
    closings, now = Closings(states=states), [0.0]
    closings.add(3, is_same=False)
    first = watching(closings, now)
    await first.look()
    await first.look()
    closings.add(8, OTHER, is_same=False)
    await first.look()
    assert named() == [("books_different", 3), ("books_different", 8)]
    assert [count for count, _ in first._counts()] == [2, 0]
    second = watching(closings, now)
    await second.look()
    assert named() == [("books_different", 3), ("books_different", 8)]


async def test_one_that_comes_while_it_looks_is_counted_once() -> None:
    """It was not among the newest yet when these were read."""
    closings, now = Closings(), [0.0]
    comparing = watching(closings, now)
    read = closings.newest

    def newest() -> Sequence[Closed]:
        found = read()
        if not closings.closed:
            closings.add(3, is_same=False)
        return found

    closings.newest = newest  # type: ignore[method-assign]
    await comparing.look()
    await comparing.look()
    assert [count for count, _ in comparing._counts()] == [1, 0]
