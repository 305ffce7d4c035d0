"""What is registered of a platform's banks, their letters, agents and key people, as leaves state it by a day."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ringfence_audit.reports.domain.facts import Fact
from ringfence_audit.reports.domain.report import Cell, Kind

SENT = "custody.letter_sent.v1"
EXEMPTED = "custody.mirror_exempted.v1"
COUNTERSIGNED = "custody.letter_countersigned.v1"
LETTER_REVIEWED = "custody.letter_reviewed.v1"
FELL_DUE = "custody.letter_review_fell_due.v1"
ENDED = "custody.letter_ended.v1"
BANK = "custody.bank_registered.v1"
APPOINTED = "custody.appointment_made.v1"
APPOINTMENT_ENDED = "custody.appointment_ended.v1"
LETTER_KINDS = (SENT, EXEMPTED, COUNTERSIGNED, LETTER_REVIEWED, FELL_DUE, ENDED)
APPOINTMENT_KINDS = (APPOINTED, APPOINTMENT_ENDED)
NO_LETTER, NOT_COUNTERSIGNED, NO_TEMPLATE, OPEN = "no_letter", "not_countersigned", "needs_no_letter", "open_ended"
BANKS = (
    ("bic", Kind.CODE),
    ("bank_name", Kind.TEXT),
    ("country", Kind.CODE),
    ("due_diligence", Kind.DAY),
    ("review", Kind.DAY),
    ("limit", Kind.COUNT),
    ("registered_document", Kind.DIGEST),
)
LETTERS = (
    ("mirror", Kind.ID),
    ("bic", Kind.CODE),
    ("letter", Kind.ID),
    ("status", Kind.WORD),
    ("template", Kind.TEXT),
    ("from", Kind.DAY),
    ("countersigned_on", Kind.DAY),
    ("review", Kind.DAY),
    ("registered_document", Kind.DIGEST),
)
PEOPLE = (
    ("subject", Kind.ID),
    ("role", Kind.TEXT),
    ("from", Kind.DAY),
    ("until", Kind.DAY),
    ("registered_document", Kind.DIGEST),
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter, or the exemption in its place: how it began, and the newest fact of each later kind."""

    begun: Fact
    countersigned: Fact | None = None
    reviewed: Fact | None = None
    due: Fact | None = None
    ended: Fact | None = None

    @property
    def mirror(self) -> bytes:
        """The account that it is about."""
        return self.begun.bytes_of("account_id")

    @property
    def bank(self) -> bytes:
        """The bank's id."""
        return self.begun.bytes_of("bank_id")

    @property
    def is_exemption(self) -> bool:
        """Tells whether it needs no countersignature."""
        return self.begun.kind == EXEMPTED

    @property
    def status(self) -> tuple[str, Fact]:
        """How far it is, and the fact that says so."""
        if self.ended:
            return "ended", self.ended
        if self.due and self.due.index > (self.reviewed or self.begun).index:
            return "review_due", self.due
        if self.is_exemption:
            return "exempt", self.begun
        return ("countersigned", self.countersigned) if self.countersigned else ("sent", self.begun)

    @property
    def is_in_force(self) -> bool:
        """Tells whether its mirror may be active."""
        return not self.ended and (self.is_exemption or self.countersigned is not None)


@dataclass(frozen=True, slots=True)
class Registered:
    """The registers of a platform, by a day."""

    letters: tuple[Letter, ...] = ()
    banks: tuple[Fact, ...] = ()
    agents: tuple[tuple[Fact, Fact | None], ...] = ()
    key_people: tuple[tuple[Fact, Fact | None], ...] = ()

    def bank_of(self, mirror: bytes) -> tuple[Letter, Fact] | None:
        """Returns the letter about a mirror, one in force before others and the newest of those, and its bank."""
        about = [each for each in self.letters if each.mirror == mirror]
        banks = {each.bytes_of("bank_id"): each for each in self.banks}
        letter = max(about, key=lambda each: (each.is_in_force, each.begun.index), default=None)
        return (letter, banks[letter.bank]) if letter and letter.bank in banks else None

    def __bool__(self) -> bool:
        """Tells whether anything is registered."""
        return bool(self.letters or self.agents or self.key_people)


def letters_by(day: int, facts: Iterable[Fact]) -> tuple[Letter, ...]:
    """Returns the letters that had begun by a day, as they stood at its end, in order."""
    found: dict[bytes, Letter] = {}
    later = {COUNTERSIGNED: "countersigned", LETTER_REVIEWED: "reviewed", FELL_DUE: "due", ENDED: "ended"}
    for fact in facts:
        letter = fact.bytes_of("letter_id")
        if fact.number("day") > day:
            continue
        if fact.kind in (SENT, EXEMPTED):
            found[letter] = Letter(fact)
        elif letter in found and fact.kind in later:
            found[letter] = replace(found[letter], **{later[fact.kind]: fact})
    return tuple(found.values())


def bank_by(day: int, facts: Iterable[Fact]) -> Fact | None:
    """Returns the newest registration of a bank whose due diligence was done by a day; the first, where none was."""
    registrations = [fact for fact in facts if fact.kind == BANK]
    done = [fact for fact in registrations if fact.number("due_diligence_day") <= day]
    return done[-1] if done else next(iter(registrations), None)


def appointments_on(day: int, facts: Iterable[Fact], kind: str) -> tuple[tuple[Fact, Fact | None], ...]:
    """Returns the appointments of a kind that hold on a day, each with the fact that has ended it before its time."""
    made: dict[bytes, Fact] = {}
    ended: dict[bytes, Fact] = {}
    for fact in facts:
        (made if fact.kind == APPOINTED else ended)[fact.bytes_of("appointment_id")] = fact
    return tuple(
        (fact, ended.get(appointment))
        for appointment, fact in made.items()
        if fact.text("kind") == kind and _holds(day, fact, ended.get(appointment))
    )


def bank_rows(registered: Registered) -> list[list[Cell]]:
    """Returns a row per bank."""
    names = ("bic", "name", "country", "due_diligence_day", "review_day", "concentration_basis_points")
    return [[*map(each.cell, names), each.cell("document_sha256")] for each in registered.banks]


def letter_rows(registered: Registered) -> list[list[Cell]]:
    """Returns a row per letter."""
    bics = {each.bytes_of("bank_id"): each.cell("bic") for each in registered.banks}
    return [_letter_row(each, bics.get(each.bank, Cell(None, (), "not_kept_here"))) for each in registered.letters]


def people_rows(appointments: Iterable[tuple[Fact, Fact | None]]) -> list[list[Cell]]:
    """Returns a row per appointment."""
    return [
        [
            made.cell("subject_id"),
            made.cell("role"),
            made.cell("from_day"),
            _until(made, ended),
            made.cell("document_sha256"),
        ]
        for made, ended in appointments
    ]


def _letter_row(letter: Letter, bic: Cell) -> list[Cell]:
    begun, signed = letter.begun, letter.countersigned
    status, by = letter.status
    newest = letter.reviewed or signed or (begun if letter.is_exemption else None)
    unsigned = Cell(None, (), NO_TEMPLATE if letter.is_exemption else NOT_COUNTERSIGNED)
    cell: Callable[[str], Cell] = newest.cell if newest else lambda name: unsigned
    return [
        begun.cell("account_id"),
        bic,
        begun.cell("letter_id"),
        Cell(status, (by.index,)),
        Cell(None, (begun.index,), NO_TEMPLATE) if letter.is_exemption else begun.cell("template_version"),
        begun.cell("day"),
        signed.cell("day") if signed else unsigned,
        cell("review_day"),
        cell("document_sha256"),
    ]


def _holds(day: int, made: Fact, ended: Fact | None) -> bool:
    until = (ended or made).number("until_day")
    return made.number("from_day") <= day and (not until or day <= until)


def _until(made: Fact, ended: Fact | None) -> Cell:
    by = ended or made
    return by.cell("until_day") if by.number("until_day") else Cell(None, (by.index,), OPEN)
