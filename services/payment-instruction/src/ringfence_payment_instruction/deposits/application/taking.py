"""Follows what a bank has taken: by the mirror at once and whole, by the client as far as his money is free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from ringfence_kernel.telemetry.logs import get
from ringfence_kernel.values.ids import show
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.deposits.application.lying import Lying
from ringfence_payment_instruction.deposits.domain.errors import ReservationsEnd
from ringfence_payment_instruction.deposits.domain.evidence import TAKES, EvidenceFile, Outcome, origins
from ringfence_payment_instruction.deposits.domain.state import State
from ringfence_payment_instruction.deposits.domain.taking import (
    are_ending,
    ended,
    missing_minor,
    plan_takes,
    taken,
    taken_again,
    taken_result,
    unsent,
)
from ringfence_payment_instruction.deposits.domain.turns import held_back
from ringfence_payment_instruction.settlement.application.ports import BookAccounts, Custody
from ringfence_payment_instruction.settlement.domain.errors import LedgerContradiction, ResultUnknown
from ringfence_payment_instruction.settlement.domain.transfers import Booked, PlannedTransfer, is_known
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain.submission import Submission

Rows = Mapping[int, tuple[PlannedTransfer, ...]]
_LOG = get(__name__)


@dataclass(frozen=True, slots=True)
class Taking:
    """Posts what the bank has taken.

    Where a client has less free than was taken, payments of his end that the bank does not have, as many as are needed,
    and what they had set aside is taken then. What he lacks after that, the platform owes.
    """

    submissions: Submissions
    state: State
    custody: Custody
    lying: Lying

    async def post(self, file: EvidenceFile, accounts: BookAccounts) -> None:
        """Asks custody and records its results; raises as custody does, LedgerContradiction, ResultUnknown."""
        others = self.state.of_tenant
        behind = await self.submissions.writer.commit(lambda unit: held_back(file, others(file.event.tenant)))
        # What is not behind anything has been brought by now: where it lies does not change but by people.
        waiting = [index for index in _waiting(file) if index not in behind]
        where = await self.lying.among(file.event.tenant, origins(file, TAKES))
        rows = plan_takes(file, accounts.suspense, waiting, where)
        if rows:
            booked = await self._book(file, rows)
            await self._record(file, rows, booked)

    async def finish(self, file: EvidenceFile, accounts: BookAccounts) -> None:
        """Takes what was set aside for payments that were released; raises as `post`, and ReservationsEnd."""
        rows = plan_takes(file, accounts.suspense, file.releasing())
        if not rows:
            return

        def command(unit: Unit) -> Rows:
            ending = {index for index in rows if any(are_ending(each, file.client(index)) for each in self._of(file))}
            return {index: rows[index] for index in rows if index not in ending}

        ready = await self.submissions.writer.commit(command)
        booked = await self._book(file, ready)
        again = {index: taken_again(row[-1], missing_minor(row, booked[index])) for index, row in ready.items()}
        found = await self._book(file, {index: (each,) for index, each in again.items()})
        results = {index: each[0].result for index, each in found.items()}
        if not all(map(is_known, results.values())):
            raise ResultUnknown
        # A client who may not give any more gives nothing: the platform owes it.
        done = dict.fromkeys(results, "exists")
        await self.submissions.writer.commit(lambda unit: unit.record_all(file.stream, taken(file, done, ())))
        if len(ready) < len(rows):
            raise ReservationsEnd

    async def _book(self, file: EvidenceFile, rows: Rows) -> dict[int, list[Booked]]:
        if not rows:
            return {}
        booked = iter(
            await self.custody.book_amounts(file.event.tenant, [each for row in rows.values() for each in row])
        )
        return {index: [next(booked) for _ in row] for index, row in rows.items()}

    async def _record(self, file: EvidenceFile, rows: Rows, booked: Mapping[int, Sequence[Booked]]) -> None:
        results = {index: taken_result([each.result for each in booked[index]]) for index in rows}
        missing = {
            index: missing_minor(row, booked[index])
            for index, row in rows.items()
            if row[-1].debit_account == file.client(index)
        }

        def command(unit: Unit) -> bool:
            releasing = {index for index, lacks in missing.items() if lacks and self._release(unit, file, index, lacks)}
            events = taken(file, results, releasing)
            unit.record_all(file.stream, events)
            return len(events) > 0

        recorded = await self.submissions.writer.commit(command, weight=len(results))
        if not all(map(is_known, results.values())):
            raise ResultUnknown
        if not recorded:
            raise LedgerContradiction

    def _release(self, unit: Unit, file: EvidenceFile, index: int, missing_minor: int) -> bool:
        """Ends payments of a client that the bank does not have, until what they set aside is enough; tells if any."""
        is_any = False
        for submission in self._of(file):
            rows: list[int] = []
            for row in unsent(submission, file.client(index)):
                if missing_minor > 0:
                    rows.append(row)
                    missing_minor -= submission.amounts_minor[row]
            if rows:
                is_any = True
                self.submissions.record(unit, submission.stream, ended(submission, rows, file.event.digest))
                _LOG.warning("payments_ended", tenant=show(file.event.tenant), payments=len(rows))
        return is_any

    def _of(self, file: EvidenceFile) -> list[Submission]:
        """Returns the submissions of a file's tenant under way, as they were handed in."""
        found = self.submissions.state.submissions.values()
        own = [each for each in found if each.tenant == file.event.tenant and not each.is_closed()]
        return sorted(own, key=attrgetter("position"))


def _waiting(file: EvidenceFile) -> list[int]:
    return [index for index in file.waiting() if file.outcomes[index] == Outcome.WAITING]
