"""What people decide: suggestions, matches taken apart, and the life of breaks. No money moves but by two people."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.writing.looking_up import while_current
from ringfence_kernel.writing.writer import GroupWriter, Unit

from ringfence_custody.ledger.application.queries import Queries as Ledger
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.result_codes import PENDING, VOID
from ringfence_custody.reconciliation.application.noting import lines_stream
from ringfence_custody.reconciliation.application.ports import Matches
from ringfence_custody.reconciliation.application.recording import Pairs, pairs_of, record_matches
from ringfence_custody.reconciliation.application.steps import reopen, step
from ringfence_custody.reconciliation.application.working import record_suggestions
from ringfence_custody.reconciliation.domain.breaks import Break, Side, Status
from ringfence_custody.reconciliation.domain.errors import (
    BreakNotFound,
    FundingUnsuited,
    LinesDiffer,
    MatchNotFound,
    SuggestionNotFound,
)
from ringfence_custody.reconciliation.domain.events import MatchUndone, SuggestionDecided
from ringfence_custody.reconciliation.domain.lines import words_of
from ringfence_custody.reconciliation.domain.rules import Stage
from ringfence_custody.reconciliation.domain.state import State

OWED_FROM = frozenset({int(AccountClass.PLATFORM), int(AccountClass.BANK_MIRROR)})
"""What a shortfall may be funded from: the platform's own money, here or as it comes in."""
Pair = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Deciding:
    """Commands of people; all raise StoreUnavailable, and MirrorNotFound for a mirror that is not in the book."""

    writer: GroupWriter
    state: State
    matches: Matches
    ledger: Ledger

    async def suggest(self, book: bytes, mirror: bytes, pairs: Sequence[Pair], scores: Sequence[int]) -> int:
        """Takes in candidates by text, each a pair with its score in percent; returns how many are new.

        Those whose lines are not open, or are known, are left out.
        """

        def decide(unit: Unit) -> int:
            of_mirror = self.state.mirror(book, mirror)
            left = of_mirror.bank.find(words_of([each for each, _ in pairs]))
            right = of_mirror.books.find(words_of([each for _, each in pairs]))
            open_rows = np.flatnonzero((left >= 0) & (right >= 0)).tolist()
            if not open_rows:
                return 0
            chosen = pairs_of([pairs[row] for row in open_rows], Stage.TEXT)
            each_alone = Pairs(chosen.movements, chosen.transfers, np.arange(len(open_rows)), chosen.stages)
            return record_suggestions(unit, of_mirror, each_alone, [scores[row] for row in open_rows])

        return await self.writer.commit(decide, weight=1 + len(pairs))

    async def decide(
        self, book: bytes, mirror: bytes, suggestion: bytes, confirmed: bool, by: bytes, note: str
    ) -> None:
        """Confirms or refuses a suggestion; raises SuggestionNotFound, LinesDiffer."""

        def decide(unit: Unit) -> None:
            of_mirror = self.state.mirror(book, mirror)
            content = of_mirror.suggestions.get(suggestion)
            if content is None:
                raise SuggestionNotFound
            unit.record(lines_stream(book, mirror), SuggestionDecided(book, mirror, suggestion, confirmed, by, note))
            if confirmed:
                pairs = pairs_of(list(content.pairs), Stage(content.stage))
                if not record_matches(unit, self.state, of_mirror, pairs, by):
                    raise LinesDiffer

        await self.writer.commit(decide)

    async def match(self, book: bytes, mirror: bytes, pairs: Sequence[Pair], by: bytes) -> None:
        """Matches open lines that no rule found; raises LinesDiffer unless their sums are the same.

        All are of one direction: what came in is not netted with what went out, neither at the bank nor in the books.
        """

        def decide(unit: Unit) -> None:
            of_mirror, chosen = self.state.mirror(book, mirror), pairs_of(list(pairs), Stage.PEOPLE)
            if ZERO_ID in chain.from_iterable(pairs):
                raise LinesDiffer
            found = of_mirror.bank.look_up(chosen.movements), of_mirror.books.look_up(chosen.transfers)
            directions = {sign for lines, is_open in found for sign in np.sign(lines["amount_minor"][is_open]).tolist()}
            if len(directions) > 1 or not record_matches(unit, self.state, of_mirror, chosen, by):
                raise LinesDiffer

        await self.writer.commit(decide)

    async def undo(self, book: bytes, mirror: bytes, match: bytes, by: bytes, note: str) -> None:
        """Takes a match apart: its lines are open again. Raises MatchNotFound."""

        async def attempt() -> None:
            found = await asyncio.to_thread(self.matches.lines, book, mirror, match)

            def decide(unit: Unit) -> None:
                self.state.mirror(book, mirror)
                self.state.require_as_of(found.position)
                if not (found.movements or found.transfers):
                    raise MatchNotFound
                unit.record(
                    lines_stream(book, mirror),
                    MatchUndone(book, mirror, match, found.movements, found.transfers, by, note),
                )
                settled = [each for each in self.state.breaks.values() if each.reference == match and not each.is_open]
                for each in settled:
                    reopen(unit, each, by, note)

            await self.writer.commit(decide, weight=2)

        await while_current(attempt)

    async def assign(self, identifier: bytes, assignee: bytes, by: bytes, note: str) -> None:
        """Gives a break to somebody; raises BreakNotFound, BreakTransitionRefused."""
        await self._step(identifier, Status.ASSIGNED, by, note, assignee=assignee)

    async def close(self, identifier: bytes, by: bytes, note: str) -> None:
        """Closes a break that is resolved; raises BreakNotFound, BreakTransitionRefused."""
        await self._step(identifier, Status.CLOSED, by, note)

    async def reopen(self, identifier: bytes, by: bytes, note: str) -> None:
        """Opens a break again, one that has left memory too; raises BreakNotFound, BreakTransitionRefused."""
        life = await asyncio.to_thread(self.matches.break_life, identifier)

        def decide(unit: Unit) -> None:
            found = self.state.breaks.get(identifier, life[-1].now if life else None)
            if found is None:
                raise BreakNotFound
            reopen(unit, found, by, note)

        await self.writer.commit(decide)

    async def fund(self, identifier: bytes, transfer: bytes, by: bytes, note: str) -> None:
        """Says which transfer has funded a shortfall; raises BreakNotFound, BreakTransitionRefused, FundingUnsuited.

        It came after what was short: what paid for an earlier one does not pay for this one too.
        """
        found, short_minor = await self.writer.commit(lambda unit: self._short(identifier))
        named = await self.ledger.transfers(found.book, [transfer])
        short = await self.ledger.transfers(found.book, [found.line])
        since_ns = short[0].transfer.timestamp if short else found.detected_day * DAY_NS
        owners = await self.ledger.owners_of(
            found.book, [account for each in named for account in (each.debit_account_id, each.credit_account_id)]
        )
        because = ""
        if not named or named[0].transfer.flags & (PENDING | VOID):
            because = "no money moved by it"
        elif named[0].ledger != found.ledger:
            because = "another currency"
        elif named[0].transfer.amount < short_minor:
            because = "less than what is short"
        elif named[0].transfer.timestamp < since_ns:
            because = "older than what is short"
        elif owners[0][1] not in OWED_FROM or owners[1][1] != AccountClass.SHORTFALL:
            because = "not from the platform's own money to what it owes"

        def decide(unit: Unit) -> None:
            each = self.state.open_break(identifier)
            each.require_step(Status.FUNDED)
            if because or transfer in self.state.funding:
                raise FundingUnsuited(because=because or "it has funded another")
            step(unit, each, Status.FUNDED, actor=by, reference=transfer, note=note)
            step(unit, self.state.open_break(identifier), Status.RESOLVED, actor=by, reference=transfer, note=note)

        await self.writer.commit(decide)

    def _short(self, identifier: bytes) -> tuple[Break, int]:
        """Returns a break and what is short by it now, minor units: some may have been given since."""
        found = self.state.open_break(identifier)
        owed = self.state.owed_on(found.book, found.mirror).get(found.line) if found.side is Side.OWED else None
        return found, owed.missing_minor if owed else found.amount_minor

    async def _step(
        self, identifier: bytes, status: Status, by: bytes, note: str, *, assignee: bytes | None = None
    ) -> None:
        def decide(unit: Unit) -> None:
            found = self.state.open_break(identifier)
            step(unit, found, status, actor=by, assignee=assignee, note=note)

        await self.writer.commit(decide)
