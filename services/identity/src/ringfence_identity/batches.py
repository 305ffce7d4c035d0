"""Batches: every item is read and decided on its own and answered by its own reason, all in one commit."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.writing.writer import GroupWriter, Unit
from ringfence_protos.identity.v1 import identity_pb2 as pb

DONE = ""
APPROVAL_PENDING = "APPROVAL_PENDING"
"""Not a refusal: the step is recorded and waits for a second operator."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How an item ended, and the proposal that waits where it is one, else empty."""

    reason: str
    proposal: bytes = b""


def pending(proposal: bytes) -> Answer:
    """Returns the answer for what waits for a second person."""
    return Answer(APPROVAL_PENDING, proposal)


ItemT = TypeVar("ItemT")
MessageT = TypeVar("MessageT")
Item: TypeAlias = ItemT | DomainError
"""An item of a batch, or why it could not even be read."""


def read_each(messages: Iterable[MessageT], read: Callable[[MessageT], ItemT]) -> list[Item[ItemT]]:
    """Reads every item of a batch; one that cannot be read becomes the reason why."""

    def one(message: MessageT) -> Item[ItemT]:
        try:
            return read(message)
        except DomainError as refusal:
            return refusal

    return [one(message) for message in messages]


async def decide_each(
    writer: GroupWriter,
    items: Sequence[Item[ItemT]],
    decide: Callable[[Unit, ItemT], str],
) -> list[str]:
    """Decides the items in order within one commit; returns one reason per item, empty for done.

    `decide` records what it decides and returns the item's reason, or raises its refusal before it records anything.
    """
    return await writer.commit(lambda unit: decided(unit, items, decide), weight=len(items))


async def answer_each(
    writer: GroupWriter,
    items: Sequence[Item[ItemT]],
    decide: Callable[[Unit, ItemT], Answer],
) -> list[Answer]:
    """Does the same where an item may wait for a second person; returns an answer for each."""

    return await writer.commit(lambda unit: answered(unit, items, decide), weight=len(items))


def answered(unit: Unit, items: Sequence[Item[ItemT]], decide: Callable[[Unit, ItemT], Answer]) -> list[Answer]:
    """Does the same within a commit that is under way."""

    def one(item: Item[ItemT]) -> Answer:
        if isinstance(item, DomainError):
            return Answer(item.reason)
        try:
            return decide(unit, item)
        except DomainError as refusal:
            return Answer(refusal.reason)

    return [one(item) for item in items]


def decided(unit: Unit, items: Sequence[Item[ItemT]], decide: Callable[[Unit, ItemT], str]) -> list[str]:
    """Does the same within a commit that is under way."""

    def one(item: Item[ItemT]) -> str:
        if isinstance(item, DomainError):
            return item.reason
        try:
            return decide(unit, item)
        except DomainError as refusal:
            return refusal.reason

    return [one(item) for item in items]


def record_all(unit: Unit, events: Iterable[Any]) -> None:
    """Records what was decided, in order, each in its own stream."""
    for event in events:
        unit.record(event.stream, event)


def answers(found: Iterable[Answer]) -> list[pb.ItemResult]:
    """Returns one result per answer."""
    return [pb.ItemResult(reason=each.reason, proposal_id=each.proposal) for each in found]


def results(reasons: Iterable[str]) -> list[pb.ItemResult]:
    """Returns one result per reason."""
    return [pb.ItemResult(reason=reason) for reason in reasons]
