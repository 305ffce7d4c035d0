"""Batches: every item is decided on its own and answered by its own reason, all in one commit."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.writing.writer import GroupWriter, Unit

DONE = ""
APPROVAL_PENDING = "APPROVAL_PENDING"
"""Not a refusal: the step is recorded and waits for a second operator."""

ItemT = TypeVar("ItemT")
Item: TypeAlias = ItemT | DomainError
"""An item of a batch, or why it could not even be read."""


async def commit(writer: GroupWriter, command: Callable[[Unit], Any], weight: int = 1) -> Any:
    """Submits a command under the caller's trace and returns its reply after the commit."""
    return await writer.commit(command, weight=weight)


def record_all(unit: Unit, events: Sequence[Any]) -> None:
    """Records what was decided, in order."""
    for event in events:
        unit.record(event.stream, event)


async def commit_each(
    writer: GroupWriter,
    items: Sequence[Item[ItemT]],
    decide: Callable[[ItemT], Sequence[Any]],
    outcome: Callable[[ItemT], str] = lambda item: DONE,
) -> list[str]:
    """Decides the items in order within one commit; returns one reason per item, empty for done.

    `outcome` is asked after an item's events are applied.
    """

    def one(unit: Unit, item: Item[ItemT]) -> str:
        if isinstance(item, DomainError):
            return item.reason
        try:
            record_all(unit, decide(item))
        except DomainError as refusal:
            return refusal.reason
        return outcome(item)

    reasons: list[str] = await commit(writer, lambda unit: [one(unit, item) for item in items], len(items))
    return reasons
