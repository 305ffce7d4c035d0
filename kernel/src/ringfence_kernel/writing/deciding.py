"""Deciding a group's commands in order: one that refuses leaves no trace, and a long one lets others work on meanwhile.

A command of many independent items may be decided in steps. Between two of them the state holds what is decided so
far, as it does while a group is being committed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import structlog

from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.pacing import Pace
from ringfence_kernel.writing.command_queue import Pending
from ringfence_kernel.writing.journal import Journal

log = structlog.get_logger(__name__)

Item = TypeVar("Item")
Reply = TypeVar("Reply")
Steps: TypeAlias = Generator[None, None, Reply]
"""A decision that may stand still at each `yield`, and returns its reply."""


class Unit(Protocol):
    """What of the writer's unit belongs to the group, and is taken back with a command that refuses."""

    journal: Journal
    events: list[Any]
    recorded: list[Any]
    within: list[Any]
    closing: dict[Any, Callable[[Any], None]]

    def begin(self, traceparent: str) -> None:
        """Turns to the next command."""


@dataclass(frozen=True, slots=True)
class Together(Generic[Item, Reply]):
    """A command that is decided in one go with its neighbours of the same key, as if one came after the other.

    `decide` takes the items of all, in order, and returns a reply for each. What it raises makes every one of them be
    decided again, alone.
    """

    key: Hashable
    item: Item
    decide: Callable[[Any, list[Item]], list[Reply]]

    def __call__(self, unit: Unit) -> Reply:
        """Decides the item alone."""
        (reply,) = self.decide(unit, [self.item])
        return reply


@dataclass(frozen=True, slots=True)
class InSteps(Generic[Reply]):
    """A command that lets others on the event loop work between its steps, where nothing of what it decides can move.

    No other command is decided meanwhile, and all of it is committed together.
    """

    decide: Callable[[Any], Steps[Reply]]

    def __call__(self, unit: Unit) -> Reply:
        """Decides in one go, for whoever wraps the command and knows of no steps."""
        steps = self.decide(unit)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                reply: Reply = end.value
                return reply


async def decide(unit: Unit, group: Sequence[Pending]) -> None:
    """Decides every command in order, but those whose callers have left meanwhile."""
    for run in [list(neighbours) for _, neighbours in groupby(group, key=_common)]:
        staying = _staying(run)
        if staying and (len(staying) == 1 or await _try(unit, staying) is not None):
            for pending in staying:
                if not pending.future.done():
                    pending.error = await _try(unit, [pending])
    for close in list(unit.closing.values()):
        close(unit)


async def _try(unit: Unit, run: Sequence[Pending]) -> Exception | None:
    """Decides one command, or several in one go; takes everything back and returns what was raised, if it was."""
    mark, events, within, closing = unit.journal.mark(), len(unit.events), len(unit.within), len(unit.closing)
    unit.begin(run[-1].traceparent)
    first = run[0].command
    try:
        if isinstance(first, Together):
            replies = first.decide(unit, [pending.command.item for pending in run])
        else:
            replies = [await _step_by_step(first.decide(unit)) if isinstance(first, InSteps) else first(unit)]
    except Exception as error:
        unit.journal.rollback(mark)
        del unit.events[events:], unit.recorded[events:], unit.within[within:]
        while len(unit.closing) > closing:
            unit.closing.popitem()
        if not isinstance(error, DomainError):
            # Also where each alone succeeds then: something is wrong with deciding them together.
            log.error("command_failed", commands=len(run), exc_info=error)
        return error
    for pending, reply in zip(run, replies, strict=True):
        pending.reply, pending.error = reply, None
    return None


async def _step_by_step(steps: Steps[Any]) -> Any:
    """Returns the reply of a decision that lets others work on the way."""
    pace = Pace()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
        await pace.step()


def _staying(run: list[Pending]) -> list[Pending]:
    return [pending for pending in run if not pending.future.done()]


def _common(pending: Pending) -> Hashable:
    """Returns what commands have in common that are decided in one go; every other command has its own."""
    return pending.command.key if isinstance(pending.command, Together) else pending
