"""Accounts as a trace sees them: whose they are, all that moved on them, and how that divides by a rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from ringfence_desk.attribution import Rule, Share, attributed
from ringfence_desk.fact import Fact
from ringfence_desk.kinds import ENTRY, platform_of
from ringfence_desk.moves import Move, moves_in
from ringfence_desk.names import Account, opened_in

FactsOf = Callable[[UUID], Sequence[Fact]]
"""All facts about an id, proven by whoever brings them."""
GIVING_BACK = frozenset({18, 19, 20, 22})
"""Purposes whose money a bank's entry names by the entry that had brought it."""


@dataclass(frozen=True)
class History:
    """An account and what came and went, divided: shares by the fact of what went out, and of what came in."""

    account: Account | None
    by_target: Mapping[int, Sequence[Share]]
    by_source: Mapping[int, Sequence[Share]]


class Histories:
    """Histories of accounts up to a time, UTC nanoseconds, each made once; what was looked up is kept.

    Once they are `within` a platform's book they are of its facts alone: another's may have the same ids.
    """

    def __init__(self, facts_of: FactsOf, rule: Rule, until_ns: int | None) -> None:
        self._facts_of, self._rule, self._until_ns = facts_of, rule, until_ns
        self.platform_id: UUID | None = None
        self._looked_up: dict[UUID, list[Fact]] = {}
        self._accounts: dict[UUID, Account | None] = {}
        self._histories: dict[UUID, History] = {}
        self._origins: dict[UUID, UUID] = {}

    def within(self, platform_id: UUID | None) -> None:
        """Stays in a platform's book from now on, also with what was looked up before."""
        self.platform_id = platform_id
        before = dict(self._looked_up)
        for kept in (self._looked_up, self._accounts, self._histories, self._origins):
            kept.clear()
        for identifier, facts in before.items():
            self._keep(identifier, facts)

    def about(self, identifier: UUID) -> Sequence[Fact]:
        """Gives all facts about an id that are of the time, and of the book."""
        if identifier not in self._looked_up:
            self._keep(identifier, self._facts_of(identifier))
        return self._looked_up[identifier]

    def account(self, account_id: UUID) -> Account | None:
        """Gives an account as it was opened, None where nothing says so."""
        if account_id not in self._accounts:
            self._accounts[account_id] = next(iter(opened_in(self.about(account_id), account_id)), None)
        return self._accounts[account_id]

    def of(self, account_id: UUID) -> History:
        """Gives an account's history, divided; raises TooManyParts."""
        if account_id not in self._histories:
            shares = attributed(account_id, moves_in(self.about(account_id)), self._rule, self._origin_of)
            self._histories[account_id] = History(
                self.account(account_id),
                _grouped((share.target, share) for share in shares),
                _grouped((share.source, share) for share in shares),
            )
        return self._histories[account_id]

    def _origin_of(self, move: Move) -> UUID | None:
        if move.code not in GIVING_BACK or move.subject_id is None:
            return None
        if move.subject_id not in self._origins:
            self.about(move.subject_id)
        return self._origins.get(move.subject_id)

    def _keep(self, identifier: UUID, facts: Iterable[Fact]) -> None:
        found = [fact for fact in facts if self._is_of_time(fact) and self._is_of_book(fact)]
        self._looked_up[identifier] = found
        for fact in found:
            if fact.kind == ENTRY and (entry := fact.id("entry_id")) and (origin := fact.id("origin_entry_id")):
                self._origins[entry] = origin

    def _is_of_time(self, fact: Fact) -> bool:
        return self._until_ns is None or fact.time_ns is None or fact.time_ns <= self._until_ns

    def _is_of_book(self, fact: Fact) -> bool:
        return self.platform_id is None or platform_of(fact) in (None, self.platform_id)


def _grouped(shares: Iterable[tuple[Move | None, Share]]) -> Mapping[int, Sequence[Share]]:
    found = defaultdict[int, list[Share]](list)
    for move, share in shares:
        if move:
            found[move.fact.index].append(share)
    return found
