"""Decisions about banks, letters and appointments: each returns the events, none where nothing would change.

`proposer` and `confirmer` are who bring it about, `today` the UTC day as a number since 1970-01-01.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ringfence_kernel.values.ids import show

from ringfence_custody.registers.domain import commands as c
from ringfence_custody.registers.domain import events as e
from ringfence_custody.registers.domain.days import require_done, require_to_come
from ringfence_custody.registers.domain.errors import (
    AppointmentNotFound,
    AppointmentOver,
    BankNotRegistered,
    BankReviewDue,
    DayRefused,
    LetterNotFound,
    LetterOutstanding,
    LetterStateRefused,
    MirrorNotFound,
    RegisterIdTaken,
    TemplateVersionTaken,
)
from ringfence_custody.registers.domain.records import Appointment, Bank, Letter, bank_id
from ringfence_custody.registers.domain.records import LetterState as S
from ringfence_custody.registers.domain.state import State

REPLACED = "replaced by another letter"


@dataclass(frozen=True, slots=True)
class Deciding:
    """Decides on what is registered now."""

    state: State
    proposer: bytes
    confirmer: bytes
    today: int

    def events(self, command: c.Command) -> list[Any]:
        """Returns the events of a command; raises its refusal."""
        match command:
            case c.RegisterBank():
                return self._register_bank(command)
            case c.SendLetter():
                return self._send(command)
            case c.ExemptMirror():
                return self._exempt(command)
            case c.CountersignLetter():
                return self._countersign(command)
            case c.ReviewLetter():
                return self._review(command)
            case c.EndLetter():
                return self._end(command)
            case c.Appoint():
                return self._appoint(command)
            case c.EndAppointment():
                return self._end_appointment(command)

    def _register_bank(self, asked: c.RegisterBank) -> list[Any]:
        identifier = bank_id(asked.bic)
        fields = (
            asked.bic,
            asked.name,
            asked.country,
            asked.due_diligence_day,
            asked.review_day,
            asked.concentration_basis_points,
            asked.document_sha256,
        )
        before = self.state.banks.get(identifier)
        if before is not None and before == Bank(identifier, *fields):
            return []
        require_done("due_diligence_day", asked.due_diligence_day, self.today)
        require_to_come("review_day", asked.review_day, self.today)
        return [e.BankRegistered(identifier, *fields, self.proposer, self.confirmer)]

    def _send(self, asked: c.SendLetter) -> list[Any]:
        found = self.state.letters.get(asked.letter)
        bank = self._bank(asked.bic)
        event = e.LetterSent(
            asked.letter,
            asked.tenant,
            asked.account,
            bank.id,
            asked.template_version,
            asked.template_sha256,
            asked.sent_day,
            self.proposer,
            self.confirmer,
        )
        if found is not None:
            return _same(found, event)
        self._require_free(asked.tenant, asked.account, bank)
        if self.state.templates.get(asked.template_version, asked.template_sha256) != asked.template_sha256:
            raise TemplateVersionTaken
        require_done("sent_day", asked.sent_day, self.today)
        return [event]

    def _exempt(self, asked: c.ExemptMirror) -> list[Any]:
        found = self.state.letters.get(asked.letter)
        bank = self._bank(asked.bic)
        event = e.MirrorExempted(
            asked.letter,
            asked.tenant,
            asked.account,
            bank.id,
            asked.reason,
            self.today,
            asked.document_sha256,
            asked.review_day,
            self.proposer,
            self.confirmer,
        )
        if found is not None:
            return _same(found, event)
        self._require_free(asked.tenant, asked.account, bank)
        require_to_come("review_day", asked.review_day, self.today)
        return [*self._replacing(asked.tenant, asked.account), event]

    def _countersign(self, asked: c.CountersignLetter) -> list[Any]:
        letter = self._letter(asked.letter)
        said = asked.countersigned_day, asked.document_sha256, asked.review_day
        if letter.is_in_force and said == (letter.countersigned_day, letter.document_sha256, letter.review_day):
            return []
        if letter.state is not S.SENT:
            raise _refused(letter, S.COUNTERSIGNED)
        require_done("countersigned_day", asked.countersigned_day, self.today, not_before=letter.sent_day)
        require_to_come("review_day", asked.review_day, self.today)
        event = e.LetterCountersigned(letter.id, letter.tenant, *said, self.proposer, self.confirmer)
        return [*self._replacing(letter.tenant, letter.account), event]

    def _review(self, asked: c.ReviewLetter) -> list[Any]:
        letter = self._letter(asked.letter)
        said = asked.reviewed_day, asked.document_sha256, asked.review_day
        if letter.is_in_force and said == (letter.reviewed_day, letter.document_sha256, letter.review_day):
            return []
        if not letter.is_in_force:
            raise _refused(letter, S.COUNTERSIGNED)
        earliest = max(letter.countersigned_day, letter.reviewed_day)
        require_done("reviewed_day", asked.reviewed_day, self.today, not_before=earliest)
        require_to_come("review_day", asked.review_day, self.today)
        return [e.LetterReviewed(letter.id, letter.tenant, *said, self.proposer, self.confirmer)]

    def _end(self, asked: c.EndLetter) -> list[Any]:
        letter = self._letter(asked.letter)
        if letter.state is S.ENDED:
            if (asked.ended_day, asked.reason) == (letter.ended_day, letter.reason):
                return []
            raise _refused(letter, S.ENDED)
        earliest = max(letter.sent_day, letter.countersigned_day)
        require_done("ended_day", asked.ended_day, self.today, not_before=earliest)
        return [self._ended(letter, asked.ended_day, asked.reason)]

    def _appoint(self, asked: c.Appoint) -> list[Any]:
        fields = (
            asked.kind,
            asked.tenant,
            asked.subject,
            asked.role,
            asked.document_sha256,
            asked.from_day,
            asked.until_day,
        )
        found = self.state.appointments.get(asked.appointment)
        if found is not None:
            if found == Appointment(asked.appointment, *fields):
                return []
            raise RegisterIdTaken
        if asked.until_day:
            _require_order(asked.from_day, asked.until_day)
        return [e.AppointmentMade(asked.appointment, *fields, self.proposer, self.confirmer)]

    def _end_appointment(self, asked: c.EndAppointment) -> list[Any]:
        found = self.state.appointments.get(asked.appointment)
        if found is None:
            raise AppointmentNotFound
        if (found.until_day, found.reason) == (asked.until_day, asked.reason):
            return []
        _require_order(found.from_day, asked.until_day)
        if found.until_day and found.until_day <= asked.until_day:
            raise AppointmentOver
        return [
            e.AppointmentEnded(found.id, found.tenant, asked.until_day, asked.reason, self.proposer, self.confirmer)
        ]

    def _bank(self, bic: str) -> Bank:
        bank = self.state.banks.get(bank_id(bic))
        if bank is None:
            raise BankNotRegistered
        return bank

    def _letter(self, identifier: bytes) -> Letter:
        letter = self.state.letters.get(identifier)
        if letter is None:
            raise LetterNotFound
        return letter

    def _require_free(self, tenant: bytes, account: bytes, bank: Bank) -> None:
        """Raises MirrorNotFound, BankReviewDue, and LetterOutstanding where a letter of the mirror is with a bank."""
        if tenant + account not in self.state.mirrors:
            raise MirrorNotFound
        if bank.review_due or bank.review_day <= self.today:
            raise BankReviewDue
        for each in self.state.letters_of(tenant, account):
            if each.state is S.SENT:
                raise LetterOutstanding(letter=show(each.id))

    def _replacing(self, tenant: bytes, account: bytes) -> list[Any]:
        """Returns the end of the letter in force: another one comes into force in its place."""
        letter = self.state.in_force(tenant, account)
        return [] if letter is None else [self._ended(letter, self.today, REPLACED)]

    def _ended(self, letter: Letter, day: int, reason: str) -> e.LetterEnded:
        return e.LetterEnded(letter.id, letter.tenant, day, reason, self.proposer, self.confirmer)


def _same(found: Letter, event: e.LetterSent | e.MirrorExempted) -> list[Any]:
    """Returns nothing for what is registered already; raises RegisterIdTaken for other content."""
    asked = (event.tenant, event.account, event.bank)
    if isinstance(event, e.LetterSent):
        same = (event.template_version, event.template_sha256, event.day) == (
            found.template_version,
            found.template_sha256,
            found.sent_day,
        )
    else:
        same = (event.reason, event.document_sha256, event.review_day) == (
            found.reason,
            found.document_sha256,
            found.review_day,
        )
    if not same or asked != (found.tenant, found.account, found.bank):
        raise RegisterIdTaken
    return []


def _refused(letter: Letter, to: S) -> LetterStateRefused:
    return LetterStateRefused(letter=show(letter.id), state=letter.state.name, to=to.name)


def _require_order(from_day: int, until_day: int) -> None:
    if until_day < from_day:
        raise DayRefused("until_day is before from_day", field="until_day", because="too_early")


def due(state: State, day: int) -> list[Any]:
    """Returns what falls due by a day, each once: reviews of banks and of letters in force."""
    banks = [e.BankReviewFellDue(each.id, day) for each in state.banks.values() if _falls_due(each, day)]
    letters = [
        e.LetterReviewFellDue(each.id, each.tenant, day)
        for each in state.letters.values()
        if each.state is S.COUNTERSIGNED and each.review_day <= day
    ]
    return [*banks, *letters]


def _falls_due(bank: Bank, day: int) -> bool:
    return not bank.review_due and bank.review_day <= day


def stream_of(event: Any) -> bytes:
    """Returns the stream of an event: its bank's, letter's or appointment's."""
    match event:
        case e.BankRegistered() | e.BankReviewFellDue():
            return event.bank
        case e.AppointmentMade() | e.AppointmentEnded():
            return event.appointment
    letter: bytes = event.letter
    return letter
