"""The rows of custody's registers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from secrets import token_hex
from uuid import UUID

from ringfence.client import Client
from ringfence.identity import require_done
from ringfence.ids import new_id
from ringfence.ledger import AccountClass, AccountStatus, NewAccount
from ringfence.registers import AppointmentKind, Letter, LetterState, NewAppointment, NewBank
from ringfence_local_stack.sandbox.letters import BIC, TEMPLATE, TEXT_SHA256, countersign

from .acts import Act, People, row

YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Mirror:
    """A new platform's bank mirror, and the id of a letter about it."""

    operators: tuple[Client, Client]
    book_id: UUID
    account_id: UUID
    letter_id: UUID

    @classmethod
    def of(cls, people: People) -> Mirror:
        """Opens it, at a bank that is registered."""
        platform, account, lettered = people.platform(), new_id(), new_id()
        new = [
            NewAccount(id=each, account_class=AccountClass.BANK_MIRROR, currency="EUR") for each in (account, lettered)
        ]
        assert all(each.done for each in platform.custody.create_accounts(new))
        book_id = platform.credentials.principal_id
        countersign(people.scenario.operators, book_id, [lettered])
        return cls(people.scenario.operators, book_id, account, new_id())

    def send(self, by: Client) -> UUID | None:
        """Proposes that its letter was sent."""
        return by.registers.send_letter(
            self.letter_id,
            self.book_id,
            self.account_id,
            bic=BIC,
            template_version=TEMPLATE,
            template_sha256=TEXT_SHA256,
            sent=today(),
        )

    def sign(self, by: Client) -> UUID | None:
        """Proposes that its letter is countersigned."""
        return by.registers.countersign_letter(
            self.letter_id, countersigned=today(), document_sha256=TEXT_SHA256, review=today() + YEAR
        )

    def agree(self, *steps: Callable[[Client], UUID | None]) -> None:
        """Has the stack's operators take steps."""
        first, second = self.operators
        for step in steps:
            require_done(second.proposals["custody"].confirm([waits(step(first))]))

    def letters(self) -> list[Letter]:
        """Returns its letters."""
        return list(self.operators[0].registers.letters(self.book_id, self.account_id))

    def is_active(self) -> bool:
        """Tells whether money may move over it."""
        (found,) = self.operators[0].custody.accounts([self.account_id], self.book_id)
        return found.status is AccountStatus.ACTIVE


def today() -> date:
    """Returns the UTC day."""
    return datetime.now(UTC).date()


def waits(proposal: UUID | None) -> UUID:
    """Returns a proposal that there is."""
    assert proposal is not None
    return proposal


@row("RegisterBank")
def register_bank(people: People) -> Act:
    """A bank that nobody has registered."""
    first = people.scenario.operators[0]
    bank = NewBank(
        bic=f"RF{token_hex(1).upper()}DEFF",
        name="Another bank",
        country="DE",
        due_diligence=today(),
        review=today() + YEAR,
        concentration_basis_points=2_500,
        document_sha256=TEXT_SHA256,
    )
    return Act(
        "custody",
        lambda by: waits(by.registers.register_bank(bank)),
        lambda: f"{bank.bic}XXX" in [each.bic for each in first.registers.banks()],
    )


@row("SendLetter")
def send_letter(people: People) -> Act:
    """A letter that was sent."""
    mirror = Mirror.of(people)
    return Act("custody", lambda by: waits(mirror.send(by)), lambda: bool(mirror.letters()))


@row("CountersignLetter")
def countersign_letter(people: People) -> Act:
    """A letter that makes its mirror active."""
    mirror = Mirror.of(people)
    mirror.agree(mirror.send)
    return Act("custody", lambda by: waits(mirror.sign(by)), mirror.is_active)


@row("ExemptMirror")
def exempt_mirror(people: People) -> Act:
    """A mirror that becomes active without a letter."""
    mirror = Mirror.of(people)

    def propose(by: Client) -> UUID:
        return waits(
            by.registers.exempt_mirror(
                mirror.letter_id,
                mirror.book_id,
                mirror.account_id,
                bic=BIC,
                reason="account at a central bank",
                document_sha256=TEXT_SHA256,
                review=today() + YEAR,
            )
        )

    return Act("custody", propose, mirror.is_active)


@row("ReviewLetter")
def review_letter(people: People) -> Act:
    """A letter in force that is reviewed before its time."""
    mirror = Mirror.of(people)
    mirror.agree(mirror.send, mirror.sign)
    later = today() + 2 * YEAR

    def propose(by: Client) -> UUID:
        reviewed = by.registers.review_letter(
            mirror.letter_id, reviewed=today(), document_sha256=TEXT_SHA256, review=later
        )
        return waits(reviewed)

    return Act("custody", propose, lambda: mirror.letters()[0].review == later)


@row("EndLetter")
def end_letter(people: People) -> Act:
    """A letter in force that ends, and stops its mirror."""
    mirror = Mirror.of(people)
    mirror.agree(mirror.send, mirror.sign)

    def propose(by: Client) -> UUID:
        return waits(by.registers.end_letter(mirror.letter_id, ended=today(), reason="account moved"))

    return Act("custody", propose, lambda: mirror.letters()[0].state is LetterState.ENDED and not mirror.is_active())


def appointed() -> NewAppointment:
    """Returns a key person to appoint."""
    return NewAppointment(
        id=new_id(),
        kind=AppointmentKind.KEY_PERSON,
        subject_id=new_id(),
        role="SMF16",
        document_sha256=TEXT_SHA256,
        from_=today(),
    )


@row("Appoint")
def appoint(people: People) -> Act:
    """A key person."""
    first, new = people.scenario.operators[0], appointed()
    return Act(
        "custody",
        lambda by: waits(by.registers.appoint(new)),
        lambda: new.id in [each.id for each in first.registers.appointments(today())],
    )


@row("EndAppointment")
def end_appointment(people: People) -> Act:
    """A key person who leaves today."""
    first, second = people.scenario.operators
    new = appointed()
    require_done(second.proposals["custody"].confirm([waits(first.registers.appoint(new))]))

    def propose(by: Client) -> UUID:
        return waits(by.registers.end_appointment(new.id, until=today(), reason="left"))

    return Act(
        "custody",
        propose,
        lambda: new.id not in [each.id for each in first.registers.appointments(today() + timedelta(days=1))],
    )
