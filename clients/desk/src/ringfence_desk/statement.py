"""An account's statement out of its facts: what was there, what came, what went, and what is there, line by line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from ringfence_desk.fact import Fact
from ringfence_desk.kinds import platform_of
from ringfence_desk.moves import Move, moves_in
from ringfence_desk.names import opened_in
from ringfence_desk.safeguarding import DEBIT_CLASSES, grown_minor


@dataclass(frozen=True)
class Line:
    """A movement on an account: what it adds, below 0 where it takes, and what is there after it, minor units."""

    move: Move
    change_minor: int
    balance_minor: int


@dataclass(frozen=True)
class Statement:
    """An account from a time on and before another (UTC nanoseconds): closing is opening, what came, less what went."""

    account_id: UUID
    platform_id: UUID | None
    account_class: str
    ledger: int
    opening_minor: int
    in_minor: int
    out_minor: int
    closing_minor: int
    lines: tuple[Line, ...]

    @property
    def posted_minor(self) -> tuple[int, int]:
        """What its lines have booked as debits and as credits, as books have it."""
        sides = self.out_minor, self.in_minor
        return sides[::-1] if self.account_class in DEBIT_CLASSES else sides


def statement(
    account_id: UUID,
    facts: Iterable[Fact],
    from_ns: int | None = None,
    until_ns: int | None = None,
    *,
    platform_id: UUID | None = None,
) -> Statement | None:
    """Makes the statement of an account from all facts about its id; None where none of them opens the account.

    Of accounts that have the id in several books it is the platform's, without one that which was opened first. What is
    booked counts, in custody's order; what is only reserved does not.
    """
    known = list(facts)
    opened = (each for each in opened_in(known, account_id) if platform_id in (None, each.platform_id))
    account = next(opened, None)
    if account is None:
        return None
    known = [fact for fact in known if platform_of(fact) == account.platform_id]
    opening, balance, lines = 0, 0, list[Line]()
    for move in moves_in(known):
        if account_id not in (move.from_account, move.to_account) or (
            until_ns is not None and move.time_ns >= until_ns
        ):
            continue
        change = grown_minor(account.account_class, move.minor if move.to_account == account_id else -move.minor)
        balance += change
        if from_ns is not None and move.time_ns < from_ns:
            opening = balance
        else:
            lines.append(Line(move, change, balance))
    incoming = sum(line.change_minor for line in lines if line.change_minor > 0)
    outgoing = -sum(line.change_minor for line in lines if line.change_minor < 0)
    return Statement(
        account_id,
        account.platform_id,
        account.account_class,
        account.ledger,
        opening,
        incoming,
        outgoing,
        balance,
        tuple(lines),
    )
