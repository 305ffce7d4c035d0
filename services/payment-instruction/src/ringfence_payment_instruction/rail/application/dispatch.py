"""The sending lane: reserved payments become a message to the bank, decided on and kept first, handed over second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import chain, count
from typing import TypeVar

from ringfence_kernel.sealing.envelopes import EnvelopeBroken
from ringfence_kernel.store.recorder import Within
from ringfence_kernel.telemetry import logs
from ringfence_kernel.values.business_days import CalendarYearMissing
from ringfence_kernel.values.clock import Clock
from ringfence_kernel.values.ids import ID_BYTES, external_id, show
from ringfence_kernel.writing.writer import Unit

from ringfence_payment_instruction.rail.application.ports import (
    BankFiles,
    Outbox,
    Payer,
    Payers,
    Rail,
    Seals,
    SettlementDays,
)
from ringfence_payment_instruction.rail.application.telling import Telling
from ringfence_payment_instruction.rail.domain.errors import RailUnavailable
from ringfence_payment_instruction.rail.domain.replies import dispatched, lost, withdrawn
from ringfence_payment_instruction.standing.application.stops import Stops
from ringfence_payment_instruction.standing.domain.stopping import CauseOf, causes, stopped
from ringfence_payment_instruction.submissions.application.personal import Clear, PersonalData
from ringfence_payment_instruction.submissions.application.submissions import Submissions
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.errors import AuthorisationRefused
from ringfence_payment_instruction.submissions.domain.status import Directive, Stage
from ringfence_payment_instruction.submissions.domain.submission import Submission
from ringfence_payment_instruction.submissions.domain.transitions import directed

OUTBOX = "outbox"
WITHDRAWN = "withdrawn"
"""The receipt of a message that was taken back before the bank had it."""

ResultT = TypeVar("ResultT")
_LOG = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class DispatchWork:
    """Sends a submission's payments that leave by the bank."""

    submissions: Submissions
    personal: PersonalData
    stops: Stops
    files: BankFiles
    payers: Payers
    telling: Telling
    seals: Seals
    outbox: Outbox
    rail: Rail
    clock: Clock
    settlement: SettlementDays

    def has_work(self, stream: bytes) -> bool:
        """Tells whether a submission has payments to send."""
        submission = self.submissions.state.submission(stream)
        return submission is not None and any(
            submission.stages.find(stage) >= 0 for stage in (Stage.SEND, Stage.DISPATCH)
        )

    async def handle(self, stream: bytes) -> None:
        """Directs what is reserved into one message, and hands over every message that was directed.

        What is stopped meanwhile is held with its reservation instead, and taken back from a message that the bank
        cannot have. What stops a payment is asked before its message is written, and again before it is handed over.

        The message is kept, sealed, with the directive. Whoever leads next finds both, and hands the same bytes over
        under the same message id, whoever was erased meanwhile. Raises KeysUnavailable, IdentityUnavailable,
        VaultUnavailable, RailUnavailable, RailContradiction, CustodyUnavailable, AuthorisationRefused for what is not
        directed yet, and PaymentStopped, ScreeningListStale or StandingStale while it is not known whether payments may
        go. Where a currency's next business day is not known its payments alone wait, and CalendarYearMissing is raised
        in the end.
        """
        submission, missing = self.submissions.state.known(stream), None
        if rows := list(submission.at_stage(Stage.SEND)):
            cause_of = await self.stops.cause_of(submission, rows)
            await self._hold(submission, cause_of)
            self.stops.require_known(submission, submission.at_stage(Stage.SEND))
            missing = await self._direct(submission, cause_of)
        messages: dict[str, list[int]] = {}
        for index in submission.at_stage(Stage.DISPATCH):
            messages.setdefault(submission.references[index], []).append(index)
        for message_id, indexes in messages.items():
            await self._hand_over(submission, message_id, indexes)
        if missing is not None:
            raise missing

    async def _hold(self, submission: Submission, cause_of: CauseOf) -> None:
        """Holds what is reserved and may not be sent."""
        if causes(submission, submission.at_stage(Stage.SEND), cause_of):
            await self.submissions.decide(
                submission.stream, lambda now: stopped(now, causes(now, now.at_stage(Stage.SEND), cause_of))
            )

    async def _is_withdrawn(self, submission: Submission, message_id: str, indexes: list[int]) -> bool:
        """Takes a message back that names a payment that may not be sent, unless the bank has it or may have it.

        The others in it go into another message. Raises as `Stops.require_known` where they cannot go now.
        """
        try:
            cause_of = await self.stops.cause_of(submission, indexes)
        except AuthorisationRefused:
            # It has ended, and nobody tells of accounts any more: what is not out yet stays here, and expires.
            if is_withdrawn := await self._withdraw(message_id):
                await self._take_back(submission, message_id, indexes, self.stops.now)
            return is_withdrawn
        if not any(map(cause_of(submission), indexes)):
            return False
        if not causes(submission, indexes, cause_of):
            if not await self._stands(message_id):
                self.stops.require_known(submission, indexes)
            return False
        if not await self._withdraw(message_id):
            return False
        await self._take_back(submission, message_id, indexes, cause_of)
        return True

    async def _stands(self, message_id: str) -> bool:
        """Tells whether a message, or its tombstone, is there."""
        return await _on_rail("tell what it has", self.rail.has, message_id)

    async def _withdraw(self, message_id: str) -> bool:
        """Puts a tombstone unless something stands there; tells whether that is a tombstone."""
        return await _on_rail("take tombstones", self.rail.withdraw, message_id)

    async def _take_back(self, submission: Submission, message_id: str, indexes: list[int], cause_of: CauseOf) -> None:
        """Decides that a message does not exist, once its tombstone stands: whoever hangs before it puts it no more."""

        def command(unit: Unit) -> None:
            now = self.submissions.state.submission(submission.stream)
            if now is not None:
                why = causes(now, indexes, cause_of)
                self.submissions.record(unit, submission.stream, withdrawn(now, message_id, indexes, why))
                unit.commit_also(self.outbox.delivered([message_id], WITHDRAWN))

        await self.submissions.writer.commit(command, weight=len(indexes))

    async def _direct(self, submission: Submission, cause_of: CauseOf) -> CalendarYearMissing | None:
        """Decides what is sent; payments of an erased party, and those that tell a bank too little, are released.

        What has changed until the commit is looked at again: its own commit offers the submission anew. Returns what
        is missing for payments that wait, as they are, for their calendar.
        """
        rows = list(submission.at_stage(Stage.SEND))
        if not rows:
            return None
        created_ns = self.clock.now_ns()
        clear = await self.personal.open(submission, rows)
        payers = await self._payers(submission, rows)
        kept = self._kept(submission, clear, payers, cause_of)
        complete = [index for index in rows if index not in kept]
        settled_on, missing = self._settlement_days(submission, complete, created_ns)
        sent, rows = list(settled_on), [*settled_on, *kept]
        message_id = message_id_of(submission, sent[0]) if sent else ""
        message: list[Within] = []
        if sent:
            content = await self._write(submission, message_id, clear, payers, settled_on, created_ns)
            sealed = await self.seals.seal(sealing_id(message_id), OUTBOX, content)
            message.append(self.outbox.put(message_id, sealed))

        def command(unit: Unit) -> None:
            now = self.submissions.state.submission(submission.stream)
            if now is None or any(now.stages[index] != Stage.SEND for index in rows):
                return
            if any(map(cause_of(now), sent)):
                return
            events = directed(now, Directive.SEND, sent, reference=message_id)
            for reason in sorted(set(kept.values())):
                refused = [index for index, why in kept.items() if why == reason]
                events += directed(now, Directive.REJECT, refused, reason=reason)
            self.submissions.record(unit, submission.stream, events)
            for each in message:
                unit.commit_also(each)

        if rows:
            await self.submissions.writer.commit(command, weight=len(rows))
        return missing

    def _settlement_days(
        self, submission: Submission, rows: Sequence[int], now_ns: int
    ) -> tuple[dict[int, int], CalendarYearMissing | None]:
        """Returns when each row settles that is sent now, and what is missing for those that are left out."""
        by_ledger: dict[int, int] = {}
        missing = None
        for ledger in {submission.ledgers[index] for index in rows}:
            try:
                by_ledger[ledger] = self.settlement.settlement_day(submission.tenant, ledger, now_ns)
            except CalendarYearMissing as error:
                missing = error
        ledgers = {index: submission.ledgers[index] for index in rows}
        return {index: by_ledger[ledger] for index, ledger in ledgers.items() if ledger in by_ledger}, missing

    async def _payers(self, submission: Submission, rows: Sequence[int]) -> dict[int, Payer]:
        """Returns who pays by row, an erased one left out; raises IdentityUnavailable."""
        owners = {index: submission.owners(index)[0] for index in rows}
        found = await self.payers.registered(submission.tenant, set(owners.values()))
        return {index: found[owner] for index, owner in owners.items() if owner in found}

    def _kept(
        self, submission: Submission, clear: Mapping[int, Clear], payers: Mapping[int, Payer], cause_of: CauseOf
    ) -> dict[int, str]:
        """Returns the rows of which the bank cannot be told, each with why."""
        cause_now, kept = cause_of(submission), {}
        for index, row in clear.items():
            if index not in payers or not is_complete(row) or cause_now(index) == reasons.SUBJECT_ERASED:
                kept[index] = reasons.SUBJECT_ERASED
            elif not self.telling.is_complete(submission, index, row, payers[index]):
                kept[index] = reasons.TRAVEL_RULE_INCOMPLETE
        return kept

    async def _write(
        self,
        submission: Submission,
        message_id: str,
        clear: Mapping[int, Clear],
        payers: Mapping[int, Payer],
        settled_on: Mapping[int, int],
        created_ns: int,
    ) -> bytes:
        payments = [
            self.telling.payment(submission, index, clear[index], payers[index], day)
            for index, day in settled_on.items()
        ]
        return await asyncio.to_thread(self.files.write_payments, message_id, created_ns, payments)

    async def _hand_over(self, submission: Submission, message_id: str, indexes: list[int]) -> None:
        recorded: list[Within] = []
        try:
            sealed = await asyncio.to_thread(self.outbox.load, message_id)
            content = None if sealed is None else await self.seals.unseal(sealing_id(message_id), OUTBOX, sealed)
            decision = partial(dispatched, message_id=message_id, indexes=indexes)
        except (KeyError, EnvelopeBroken) as error:
            if isinstance(error, EnvelopeBroken):
                _LOG.error("kept_message_broken", message=message_id)
            content = await self._written_again(submission, message_id, indexes)
            # What was decided on before messages were kept may have been taken with its name.
            is_kept = isinstance(error, EnvelopeBroken)
            if content is None and (is_kept or await self._stands(message_id)) and await self._withdraw(message_id):
                await self._take_back(submission, message_id, indexes, self.stops.now)
                return
            decide = dispatched if content is not None else lost
            decision = partial(decide, message_id=message_id, indexes=indexes)
        if content is not None:
            if await self._is_withdrawn(submission, message_id, indexes):
                return
            receipt = await self._deliver(message_id, content)
            if receipt is None:
                # Whoever put the tombstone did not live to say so. Accounts are asked before it is sent anew.
                await self._take_back(submission, message_id, indexes, self.stops.now)
                return
            recorded.append(self.outbox.delivered([message_id], receipt))

        def command(unit: Unit) -> None:
            now = self.submissions.state.submission(submission.stream)
            if now is not None:
                self.submissions.record(unit, submission.stream, decision(now))
            for each in recorded:
                unit.commit_also(each)

        await self.submissions.writer.commit(command, weight=len(indexes))

    async def _deliver(self, message_id: str, content: bytes) -> str | None:
        return await _on_rail("take messages", self.rail.deliver, message_id, content)

    async def _written_again(self, submission: Submission, message_id: str, indexes: list[int]) -> bytes | None:
        """Returns a message that was decided on before messages were kept; None when a party of it is erased."""
        message = self.submissions.state.message(message_id)
        assert message is not None  # its directive has just been read
        clear = await self.personal.open(submission, indexes)
        payers = await self._payers(submission, indexes)
        if not all(map(is_complete, clear.values())) or len(payers) < len(indexes):
            return None
        settled_on, missing = self._settlement_days(submission, indexes, message.created_ns)
        if missing is not None:
            raise missing
        return await self._write(submission, message_id, clear, payers, settled_on, message.created_ns)


def sealing_id(message_id: str) -> bytes:
    """Returns what a message's envelope is bound to, 16 bytes."""
    return sha256(message_id.encode()).digest()[:ID_BYTES]


def is_complete(clear: Clear) -> bool:
    """Tells whether the bank can be told whom to pay and from which account."""
    return bool(clear.debtor_iban and clear.creditor_number and clear.creditor_name)


def message_id_of(submission: Submission, first_index: int) -> str:
    """Returns the id of the message that begins with an instruction, another for each message that was taken back."""
    name = show(submission.instruction_id(first_index))
    texts = chain([name], (f"{name} {time}" for time in count(2)))
    ids = (f"RF{external_id('pacs.008', submission.tenant, text).hex()}" for text in texts)
    return next(each for each in ids if each not in submission.messages)


async def _on_rail(what: str, call: Callable[..., ResultT], *arguments: str | bytes) -> ResultT:
    """Does something with the rail, which blocks; raises RailUnavailable, saying what it does not do."""
    try:
        return await asyncio.to_thread(call, *arguments)
    except OSError as error:
        raise RailUnavailable(f"the rail does not {what}: {error.strerror}") from error
