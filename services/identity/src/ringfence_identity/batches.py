"""Batches: every item is read and decided on its own and answered by its own reason, all in one commit."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from ringfence_kernel.service.threads import computed
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.writing.deciding import InSteps, Steps
from ringfence_kernel.writing.writer import GroupWriter, Unit
from ringfence_protos.identity.v1 import identity_pb2 as pb

DONE = ""
APPROVAL_PENDING = "APPROVAL_PENDING"
"""Not a refusal: the step is recorded and waits for a second operator."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How an item ended, the proposal that waits where it is one, and what more there is to say of a refusal."""

    reason: str
    proposal: bytes = b""
    metadata: Mapping[str, str] = field(default_factory=dict)


def pending(proposal: bytes) -> Answer:
    """Returns the answer for what waits for a second person."""
    return Answer(APPROVAL_PENDING, proposal)


ItemT = TypeVar("ItemT")
GivenT = TypeVar("GivenT")
ReplyT = TypeVar("ReplyT")
Item: TypeAlias = ItemT | DomainError
"""An item of a batch, or why it could not even be read."""


async def prepare_each(given: Sequence[GivenT | DomainError], prepare: Callable[[GivenT], ItemT]) -> list[Item[ItemT]]:
    """Reads, or seals, every item of a batch, many of them in a thread; one that cannot be becomes the reason why.

    What a thread does looks at no state.
    """

    def one(item: GivenT | DomainError) -> Item[ItemT]:
        if isinstance(item, DomainError):
            return item
        try:
            return prepare(item)
        except DomainError as refusal:
            return refusal

    return await computed(len(given), lambda: [one(each) for each in given])


async def decide_each(
    writer: GroupWriter,
    items: Sequence[Item[ItemT]],
    decide: Callable[[Unit, ItemT], str],
) -> list[str]:
    """Decides the items in order within one commit; returns one reason per item, empty for done.

    `decide` records what it decides and returns the item's reason, or raises its refusal before it records anything.
    """
    return await writer.commit(InSteps(lambda unit: deciding(unit, items, decide)), weight=len(items))


async def answer_each(
    writer: GroupWriter,
    items: Sequence[Item[ItemT]],
    decide: Callable[[Unit, ItemT], Answer],
    first: Callable[[Unit], Steps[None]] | None = None,
) -> list[Answer]:
    """Does the same where an item may wait for a second person; returns an answer for each.

    `first` is done in steps before the items: what each of them would do otherwise in one.
    """

    def answering(unit: Unit) -> Steps[list[Answer]]:
        if first is not None:
            yield from first(unit)
        return (yield from _each(unit, items, decide, _answer_of))

    return await writer.commit(InSteps(answering), weight=len(items))


def answered(unit: Unit, items: Sequence[Item[ItemT]], decide: Callable[[Unit, ItemT], Answer]) -> list[Answer]:
    """Does the same within a commit that is under way, in one go."""
    return InSteps(lambda unit: _each(unit, items, decide, _answer_of))(unit)


def decided(unit: Unit, items: Sequence[Item[ItemT]], decide: Callable[[Unit, ItemT], str]) -> list[str]:
    """Decides as `decide_each` within a commit that is under way, in one go."""
    return InSteps(lambda unit: deciding(unit, items, decide))(unit)


def deciding(unit: Unit, items: Sequence[Item[ItemT]], decide: Callable[[Unit, ItemT], str]) -> Steps[list[str]]:
    """Decides as `decide_each` within a commit that is under way, an item a step."""
    return _each(unit, items, decide, _reason_of)


def _each(
    unit: Unit,
    items: Sequence[Item[ItemT]],
    decide: Callable[[Unit, ItemT], ReplyT],
    refused: Callable[[DomainError], ReplyT],
) -> Steps[list[ReplyT]]:
    replies = []
    for item in items:
        try:
            replies.append(refused(item) if isinstance(item, DomainError) else decide(unit, item))
        except DomainError as refusal:
            replies.append(refused(refusal))
        yield
    return replies


def _reason_of(refusal: DomainError) -> str:
    return refusal.reason


def _answer_of(refusal: DomainError) -> Answer:
    return Answer(refusal.reason, metadata=refusal.metadata)


def record_all(unit: Unit, events: Iterable[Any]) -> None:
    """Records what was decided, in order, each in its own stream."""
    for event in events:
        unit.record(event.stream, event)


def answers(found: Iterable[Answer]) -> list[pb.ItemResult]:
    """Returns one result per answer."""
    return [
        pb.ItemResult(reason=each.reason, proposal_id=each.proposal, metadata=dict(each.metadata)) for each in found
    ]


def waiting_together(reasons: Iterable[str], proposal: bytes) -> list[Answer]:
    """Returns the answers of items that wait in one proposal, if they wait for a second person."""
    return [Answer(each, proposal if each == APPROVAL_PENDING else b"") for each in reasons]


def results(reasons: Iterable[str]) -> list[pb.ItemResult]:
    """Returns one result per reason."""
    return [pb.ItemResult(reason=reason) for reason in reasons]
