"""What the registers keep in memory, built from events alone: all that was ever registered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, ClassVar

from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal

from ringfence_custody.ledger.domain.columns import split_ids
from ringfence_custody.ledger.domain.events import AccountsCreated
from ringfence_custody.ledger.domain.packed import number_column
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.registers.domain import events as e
from ringfence_custody.registers.domain.records import Appointment, Bank, Letter, Mirror
from ringfence_custody.registers.domain.records import LetterKind as Kind
from ringfence_custody.registers.domain.records import LetterState as S

SECTION = "registers, format 1"


@dataclass(frozen=True, slots=True)
class _Saved:
    banks: list[Bank]
    letters: list[Letter]
    appointments: list[Appointment]
    mirrors: list[Mirror]
    templates: list[tuple[str, bytes]]
    changes: list[tuple[bytes, int]]


@dataclass(slots=True)
class State:
    """Records by id, in order of their first event; they are replaced, never changed.

    `mirrors` are by book and account, `templates` the digests of fixed texts by version. `changes` counts what was
    decided about a bank, letter, appointment or mirror; that a review fell due is no decision.
    """

    EVENTS: ClassVar[tuple[type, ...]] = (*e.EVENTS, AccountsCreated)

    banks: dict[bytes, Bank] = field(default_factory=dict)
    letters: dict[bytes, Letter] = field(default_factory=dict)
    appointments: dict[bytes, Appointment] = field(default_factory=dict)
    mirrors: dict[bytes, Mirror] = field(default_factory=dict)
    templates: dict[str, bytes] = field(default_factory=dict)
    changes: dict[bytes, int] = field(default_factory=dict)
    _of_mirror: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)

    def letters_of(self, tenant: bytes, account: bytes) -> list[Letter]:
        """Returns the letters of a mirror, the oldest first."""
        return [self.letters[each] for each in self._of_mirror.get(tenant + account, ())]

    def in_force(self, tenant: bytes, account: bytes) -> Letter | None:
        """Returns the letter in force of a mirror; there is one at most."""
        return next((each for each in self.letters_of(tenant, account) if each.is_in_force), None)

    def mirrors_of(self, tenant: bytes) -> Iterator[Mirror]:
        """Yields the mirrors of a book in order of opening."""
        return (each for each in self.mirrors.values() if each.tenant == tenant)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        event = recorded.event
        match event:
            case AccountsCreated():
                self._open_mirrors(recorded.stream, event, journal)
            case e.BankRegistered() | e.BankReviewFellDue():
                self._apply_bank(event, journal)
            case e.AppointmentMade() | e.AppointmentEnded():
                self._apply_appointment(event, journal)
            case _:
                self._apply_letter(event, journal)

    def _open_mirrors(self, tenant: bytes, event: AccountsCreated, journal: Journal) -> None:
        if AccountClass.BANK_MIRROR not in event.account_class:
            return
        ids = split_ids(event.id)
        classes = number_column("B", event.account_class, len(ids))
        ledgers = number_column("I", event.ledger, len(ids))
        for row, account in enumerate(ids):
            if classes[row] == AccountClass.BANK_MIRROR:
                mirror = Mirror(tenant, account, event.first_index + row, ledgers[row])
                journal.put(self.mirrors, tenant + account, mirror)

    def _apply_bank(self, event: e.BankRegistered | e.BankReviewFellDue, journal: Journal) -> None:
        if isinstance(event, e.BankReviewFellDue):
            journal.put(self.banks, event.bank, replace(self.banks[event.bank], review_due=True))
            return
        bank = Bank(
            event.bank,
            event.bic,
            event.name,
            event.country,
            event.due_diligence_day,
            event.review_day,
            event.concentration_basis_points,
            event.document_sha256,
        )
        journal.put(self.banks, event.bank, bank)
        self._count(journal, event.bank)

    def _apply_appointment(self, event: e.AppointmentMade | e.AppointmentEnded, journal: Journal) -> None:
        if isinstance(event, e.AppointmentEnded):
            before = self.appointments[event.appointment]
            appointment = replace(before, until_day=event.until_day, reason=event.reason)
        else:
            appointment = Appointment(
                event.appointment,
                event.kind,
                event.tenant,
                event.subject,
                event.role,
                event.document_sha256,
                event.from_day,
                event.until_day,
            )
        journal.put(self.appointments, event.appointment, appointment)
        self._count(journal, event.appointment)

    def _apply_letter(self, event: Any, journal: Journal) -> None:
        letter = after(self.letters.get(event.letter), event)
        journal.put(self.letters, letter.id, letter)
        mirror = letter.tenant + letter.account
        if letter.id not in self._of_mirror.get(mirror, ()):
            journal.put(self._of_mirror, mirror, (*self._of_mirror.get(mirror, ()), letter.id))
        if isinstance(event, e.LetterSent) and event.template_version not in self.templates:
            journal.put(self.templates, event.template_version, event.template_sha256)
        if not isinstance(event, e.LetterReviewFellDue):
            self._count(journal, letter.id, mirror)

    def _count(self, journal: Journal, *keys: bytes) -> None:
        for key in keys:
            journal.put(self.changes, key, self.changes.get(key, 0) + 1)

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        return sha256(self._content()).digest()

    def save(self) -> Sections:
        """Returns everything."""
        return [(SECTION, self._content())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        saved = plain.decode(sections[SECTION], _Saved)
        self.banks = {each.id: each for each in saved.banks}
        self.letters = {each.id: each for each in saved.letters}
        self.appointments = {each.id: each for each in saved.appointments}
        self.mirrors = {each.tenant + each.account: each for each in saved.mirrors}
        self.templates, self.changes = dict(saved.templates), dict(saved.changes)
        self._of_mirror = {}
        for each in saved.letters:
            mirror = each.tenant + each.account
            self._of_mirror[mirror] = (*self._of_mirror.get(mirror, ()), each.id)

    def _content(self) -> bytes:
        return plain.encode(
            _Saved(
                list(self.banks.values()),
                list(self.letters.values()),
                list(self.appointments.values()),
                list(self.mirrors.values()),
                sorted(self.templates.items()),
                sorted(self.changes.items()),
            )
        )


def after(letter: Letter | None, event: Any) -> Letter:
    """Returns a letter as an event leaves it; raises TypeError for an event of another kind."""
    match event:
        case e.LetterSent():
            return Letter(
                event.letter,
                event.tenant,
                event.account,
                event.bank,
                Kind.LETTER,
                S.SENT,
                template_version=event.template_version,
                template_sha256=event.template_sha256,
                sent_day=event.day,
            )
        case e.MirrorExempted():
            return Letter(
                event.letter,
                event.tenant,
                event.account,
                event.bank,
                Kind.EXEMPT,
                S.COUNTERSIGNED,
                countersigned_day=event.day,
                review_day=event.review_day,
                document_sha256=event.document_sha256,
                reason=event.reason,
            )
    if letter is None:
        raise TypeError(f"{type(event).__name__} of a letter that was never sent")
    match event:
        case e.LetterCountersigned():
            return replace(
                letter,
                state=S.COUNTERSIGNED,
                countersigned_day=event.day,
                review_day=event.review_day,
                document_sha256=event.document_sha256,
            )
        case e.LetterReviewed():
            return replace(
                letter,
                state=S.COUNTERSIGNED,
                reviewed_day=event.day,
                review_day=event.review_day,
                document_sha256=event.document_sha256,
            )
        case e.LetterReviewFellDue():
            return replace(letter, state=S.REVIEW_DUE)
        case e.LetterEnded():
            return replace(letter, state=S.ENDED, ended_day=event.day, reason=event.reason)
    raise TypeError(f"{type(event).__name__} is no event of a letter")
