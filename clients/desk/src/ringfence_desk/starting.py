"""Where a trace starts, and the story of what happened on its way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from uuid import UUID

from ringfence_desk.external import transfers_of
from ringfence_desk.fact import Fact
from ringfence_desk.histories import Histories
from ringfence_desk.kinds import ACCOUNT, ENTRY, INSTRUCTION, TRANSFER, platform_of
from ringfence_desk.moves import Move, moves_in
from ringfence_desk.safeguarding import BANK_MIRROR
from ringfence_desk.story import ordered

MOST_STORIES = 100
"""Of more movements than this a trace tells the transfers alone."""
HOLDS = frozenset({"custody.account_frozen.v1", "custody.account_released.v1", "custody.account_status.v1"})
FILE = "payment-instruction.submission_received.v1"
LOGS_OWN = "audit."
AUTHORISED = "identity.submission_authorised.v1"


class StartKind(StrEnum):
    """What the id is that a trace starts at."""

    PAYMENT = "payment"
    ENTRY = "entry"
    TRANSFER = "transfer"
    ACCOUNT = "account"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Start:
    """What a trace starts at: the movements of it, and the fact that says what it is, None where nothing does.

    `platforms` are all those in whose books something has this id, in the log's order; the trace is of the fact's.
    """

    id: UUID
    kind: StartKind
    moves: tuple[Move, ...]
    fact: Fact | None
    platforms: tuple[UUID, ...] = ()

    @property
    def platform_id(self) -> UUID | None:
        """The platform in whose book the money is followed, None where no fact says what the id is."""
        return platform_of(self.fact) if self.fact else None


def started(histories: Histories, start: UUID, platform_id: UUID | None = None) -> Start:
    """Finds what an id is: a payment, a bank's entry, an account or a transfer, and the money that moved by it.

    The histories stay in the book of the fact that says so: the platform's, without one the first that has the id.
    """
    facts = list(histories.about(start))
    naming = [(kind, fact) for kind, of, name in _KINDS for fact in facts if fact.kind == of and fact.id(name) == start]
    platforms = tuple(dict.fromkeys(each for _, fact in naming if (each := platform_of(fact))))
    for kind, stated in naming:
        if platform_id in (None, platform_of(stated)):
            histories.within(platform_of(stated))
            return Start(start, kind, tuple(_moves(histories, kind, stated, start)), stated, platforms)
    return Start(start, StartKind.UNKNOWN, (), None, platforms)


def steps_of(histories: Histories, start: Start, moves: Sequence[Move]) -> list[Fact]:
    """Gives what happened on a trace's way in its order: each movement's story, and holds on the first's accounts."""
    found = {move.fact.index: move.fact for move in moves}
    if start.kind in (StartKind.PAYMENT, StartKind.ENTRY):
        found |= {fact.index: fact for fact in histories.about(start.id)}
    first = {move.fact.index: move for move in (*start.moves, *moves)}
    for move in islice(first.values(), MOST_STORIES):
        found |= {fact.index: fact for fact in _story(histories, move)}
    if start.kind is StartKind.PAYMENT and start.fact:
        found |= {fact.index: fact for fact in _file_of(histories, start.fact)}
    found |= {fact.index: fact for fact in _holds(histories, start.moves, found.values())}
    # That somebody has looked at it is no part of the story.
    return ordered(fact for fact in found.values() if not fact.kind.startswith(LOGS_OWN))


def _moves(histories: Histories, kind: StartKind, stated: Fact, start: UUID) -> Iterable[Move]:
    facts = list(histories.about(start))
    platform = platform_of(stated)
    if kind is StartKind.TRANSFER:
        return [move for move in moves_in(facts) if move.id == start]
    if kind is StartKind.ACCOUNT:
        return [move for move in moves_in(facts) if move.to_account == start]
    if kind is StartKind.PAYMENT and platform:
        of_payment = transfers_of(platform, start)
        facts += [fact for each in of_payment for fact in histories.about(each)]
        return [move for move in moves_in(facts) if move.id in of_payment]
    moves = [move for move in moves_in(facts) if move.subject_id == start]
    brought = [move for move in moves if _is_outside(histories, move.from_account)]
    return brought or moves


def _is_outside(histories: Histories, account_id: UUID) -> bool:
    account = histories.account(account_id)
    return account is not None and account.account_class == BANK_MIRROR


def _story(histories: Histories, move: Move) -> Iterator[Fact]:
    """Yields what a movement rests on: its payment or bank entry, and the bank's word beside the transfer."""
    yield from histories.about(move.id)
    if move.subject_id is None:
        return
    about, platform = histories.about(move.subject_id), platform_of(move.fact)
    is_entry = any(fact.kind == ENTRY and fact.id("entry_id") == move.subject_id for fact in about)
    for fact in about:
        payment = fact.id("instruction_id") if fact.kind == INSTRUCTION else None
        if payment and platform and move.id in transfers_of(platform, payment):
            yield from histories.about(payment)
        # Of an agreement's many payments and transfers those of the movement alone.
        if is_entry or payment == move.subject_id or fact.kind not in (INSTRUCTION, TRANSFER):
            yield fact


def _file_of(histories: Histories, payment: Fact) -> Iterator[Fact]:
    """Yields who handed a payment's file in, and who authorised it; not the file's other payments."""
    submission = payment.id("submission_id")
    if submission:
        yield from (fact for fact in histories.about(submission) if fact.kind in (FILE, AUTHORISED))


def _holds(histories: Histories, moves: Sequence[Move], story: Iterable[Fact]) -> Iterator[Fact]:
    """Yields what was decided on the accounts of the first movements while the story went on."""
    times = [fact.time_ns for fact in story if fact.time_ns is not None]
    if not times:
        return
    for account in dict.fromkeys(each for move in moves for each in (move.from_account, move.to_account)):
        for fact in histories.about(account):
            if fact.kind in HOLDS and fact.time_ns and min(times) <= fact.time_ns <= max(times):
                yield fact


_KINDS = (
    (StartKind.PAYMENT, INSTRUCTION, "instruction_id"),
    (StartKind.ENTRY, ENTRY, "entry_id"),
    (StartKind.ACCOUNT, ACCOUNT, "account_id"),
    (StartKind.TRANSFER, TRANSFER, "transfer_id"),
)
"""What an id may be, the kind of fact that says so, and the field that has it."""
