"""What the console shows beside an item: which entry of a list stops a payment, what a bank's entry may be, numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from ringfence.client import Client
from ringfence.condition import ProcessCondition, ProcessState
from ringfence.console_host import sending
from ringfence.console_host.matters import RELEASES_HITS, opened
from ringfence.console_host.parts import SdkParts
from ringfence.console_host.sending import command
from ringfence.payments import InstructionState, InstructionStatus
from ringfence.proposals import Proposal
from ringfence.reconciliation import BreakKind, BreakStatus, Likeness, LineState
from ringfence.registers import Mirror
from ringfence.safeguarding import DayStatus
from ringfence.sanctions import ListedHit, PaymentHits
from ringfence.statements import (
    ExceptionCase,
    HeldCandidate,
    HeldEntry,
    KnownChain,
    ReferenceKind,
    StatementException,
    TellingHeading,
)
from ringfence_console.pages.beside import worded
from ringfence_console.ports import Refused
from ringfence_console.work import Matter, State, Subject, Words
from ringfence_desk.language import Language
from ringfence_protos.payment_instruction.v1 import events_pb2

from .test_sdk_console_matters import TENANT, Payments, payment

ME, HELD, MIRROR, ENTRY = UUID(int=8), UUID(int=3), UUID(int=4), UUID(int=5)
OPERATOR = SimpleNamespace(principal_id=ME, tenant_id=None)


def hit(reference: str, *, stops: bool) -> ListedHit:
    """Gives an entry of a list that names somebody."""
    return ListedHit(
        field="Cdtr",
        typed="Zora Listed",
        list_name="UN",
        reference=reference,
        published_ns=1,
        confirmed_ns=0,
        is_waiting=False,
        is_released=False,
        is_stopping=stops,
        names=[],
    )


class Stopped(Payments):
    """A payment that a list has stopped, by entry A or B."""

    def __init__(self, stopped_by: str = "A") -> None:
        state = InstructionState(HELD, InstructionStatus.HELD, "SANCTIONS_HIT")
        super().__init__(replace(payment(3, 10), state=state))
        self.stopped_by = stopped_by
        self.released: list[UUID] = []

    def hits(self, tenant_id: UUID, instruction_id: UUID) -> PaymentHits:
        """Gives both entries."""
        found = [hit(each, stops=each == self.stopped_by) for each in "AB"]
        return PaymentHits(
            listed=found, stopped_by=f"UN/{self.stopped_by}", stopped_by_sha256=self.stopped_by.encode() * 32, more=7
        )

    def release_hits(self, tenant_id: UUID, instruction_ids: Sequence[UUID], note: str) -> UUID:
        """Notes what was released."""
        self.released += instruction_ids
        return UUID(int=99)


def stopped(payments: Stopped, *waiting: Proposal) -> Client:
    """Gives an operator's client."""
    proposals = {"payment-instruction": SimpleNamespace(waiting=lambda: iter(waiting))}
    return cast(Client, SimpleNamespace(payments=payments, credentials=OPERATOR, proposals=proposals))


def test_a_release_is_of_the_entry_that_was_reviewed() -> None:
    """It is marked, stands in what the act depends on, and another one since is not let go."""
    payments = Stopped()
    client = stopped(payments)
    matter = opened(client, Subject.HIT, f"{TENANT}.{HELD}")
    assert [(each.reference, each.is_stopping) for each in matter.beside.hits] == [("A", True), ("B", False)]
    assert matter.beside.more_hits == 7
    release = command(matter, "release", Words("somebody else"))
    assert release.requires == {"stopped_by": "UN/A", "stopped_by_sha256": "41" * 32}
    payments.stopped_by = "B"
    assert opened(client, Subject.HIT, f"{TENANT}.{HELD}").standing != matter.standing
    with pytest.raises(Refused, match="another entry"):
        sending.send(client, release)
    assert payments.released == []
    payments.stopped_by = "A"
    assert sending.send(client, release)[0].result == "PROPOSED"
    assert payments.released == [HELD]


def proposal(description: str, effect: str = RELEASES_HITS) -> Proposal:
    """Gives what somebody else has proposed."""
    return Proposal(
        id=UUID(int=6),
        effect=effect,
        subject_id=TENANT,
        tenant_id=TENANT,
        description=description,
        payload_sha256=b"p" * 32,
        proposer_id=UUID(int=1),
        proposer_person_id=UUID(int=2),
        made_ns=1,
        expires_ns=2,
    )


def test_the_second_person_sees_the_hits() -> None:
    """Of the payment that is released; an id in the note is none, and other effects have no hits."""
    whose = f"let 1 payment(s) of platform {TENANT} go on that a list has stopped: {HELD}: not {UUID(int=2)}"
    client, key = stopped(Stopped(), proposal(whose)), f"payment-instruction.{UUID(int=6)}"
    matter = opened(client, Subject.PROPOSAL, key)
    assert [each.key for each in matter.about] == [f"{TENANT}.{HELD}"]
    assert [each.reference for each in matter.beside.hits] == ["A", "B"]
    assert matter.standing["stopped_by"] == "UN/A"
    for other in (proposal(whose, "custody.AdoptRules"), proposal(f"another: {whose}")):
        matter = opened(stopped(Stopped(), other), Subject.PROPOSAL, key)
        assert (matter.about, matter.beside.hits) == ((), ())


def disagreeing(statements: Any) -> Client:
    """Gives an operator's client of a bank mirror."""
    mirror = cast(Mirror, SimpleNamespace(account_id=MIRROR, book_id=TENANT, currency="EUR", bic="BANKDEFF"))
    registers = SimpleNamespace(mirrors=lambda tenant: [mirror])
    return cast(Client, SimpleNamespace(registers=registers, statements=statements, credentials=OPERATOR))


def doubted(*amounts: int) -> Matter:
    """Opens an entry of 30.00 that a statement left in doubt, with movements of these amounts, minor units."""
    day = date(2026, 11, 30)
    found = [
        HeldCandidate(
            movement_id=UUID(int=number),
            day=day,
            amount_minor=amount,
            incoming=True,
            reversal=False,
            shared=(),
            differing=(),
            transactions=1,
        )
        for number, amount in enumerate(amounts, 1)
    ]
    entry = HeldEntry(
        entry_id=ENTRY,
        doubt="",
        day=day,
        amount_minor=30_00,
        incoming=True,
        reversal=False,
        movement_ids=tuple(each.movement_id for each in found),
        candidates=tuple(found),
    )
    statements = SimpleNamespace(held_entries=lambda *_: iter([entry]))
    return opened(disagreeing(statements), Subject.ENTRY, f"{TENANT}.{MIRROR}.{ENTRY}")


def test_what_has_another_amount_is_a_part_or_a_sum() -> None:
    """It is shown, and offered for nothing: the service takes an entry for a movement of its own amount alone."""
    matter = doubted(30_00, 10_00)
    assert [(list(each.reasons), each.is_offered) for each in matter.beside.candidates] == [
        (["SAME_AMOUNT"], True),
        (["PART_OR_SUM"], False),
    ]
    assert matter.offer("same") is not None
    assert doubted(10_00).offer("same") is None
    assert doubted(10_00).offer("another") is not None


def wrong_numbers(theirs: tuple[int, int], last: tuple[int, int], day: date) -> list[str]:
    """Opens an exception with these numbers, legal and electronic, after a chain of November 2026; gives wrong ones."""
    heading = TellingHeading(
        format="camt.053",
        account="",
        currency="EUR",
        first_day=day,
        last_day=day,
        opening_minor=0,
        closing_minor=0,
        moved_minor=0,
        entries=0,
        legal_sequence=theirs[0],
        electronic_sequence=theirs[1],
    )
    now = StatementException(
        telling_id=ENTRY,
        kind="GAP",
        text="",
        digest=b"f" * 32,
        first_day=day,
        last_day=day,
        recorded_at=datetime(2026, 11, 30, tzinfo=UTC),
    )
    chain = KnownChain(
        last_day=date(2026, 11, 29), closing_minor=0, legal_sequence=last[0], electronic_sequence=last[1]
    )
    case = ExceptionCase(now=now, telling=heading, chain=chain, booked_minor=0)
    statements = SimpleNamespace(exception=lambda *_: case)
    matter = opened(disagreeing(statements), Subject.EXCEPTION, f"{TENANT}.{MIRROR}.{ENTRY}")
    return [each.name for each in matter.beside.compared if each.is_wrong]


@pytest.mark.parametrize(
    ("theirs", "last", "day", "wrong"),
    [
        ((253, 0), (252, 0), date(2026, 11, 30), []),
        ((254, 0), (252, 0), date(2026, 11, 30), ["legal_number"]),
        ((1, 0), (252, 0), date(2027, 1, 2), []),
        ((1, 0), (252, 0), date(2026, 12, 1), ["legal_number"]),
        ((300, 0), (252, 0), date(2027, 1, 2), ["legal_number"]),
        ((253, 9), (252, 7), date(2026, 11, 30), []),
        ((0, 9), (252, 7), date(2026, 11, 30), ["electronic_number"]),
    ],
)
def test_right_numbers_are_not_marked(
    theirs: tuple[int, int], last: tuple[int, int], day: date, wrong: list[str]
) -> None:
    """Counting begins anew with a year, and the electronic number counts where there is no legal one."""
    assert wrong_numbers(theirs, last, day) == wrong


def test_a_leader_that_is_ill_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with it is said beside that."""

    def mirrors(tenant: UUID | None) -> Iterator[Mirror]:
        yield from ()

    found = [ProcessCondition("custody", "c:1", ProcessState.LEADS, {"clock": "CLOCK_WRONG"})]
    monkeypatch.setattr(
        "ringfence.console_host.parts.load_pem_x509_certificate",
        lambda _: SimpleNamespace(not_valid_after_utc=datetime(2026, 12, 1, tzinfo=UTC)),
    )
    client: Any = SimpleNamespace(
        conditions=SimpleNamespace(all=lambda: found),
        credentials=SimpleNamespace(tenant_id=None, certificate_chain_pem=b""),
        registers=SimpleNamespace(mirrors=mirrors),
    )
    (process,) = SdkParts(client).health().processes
    assert (process.state, process.is_ill) == (State.LEADS, True)


def test_every_code_of_a_matter_has_words() -> None:
    """Of its state, its reason, and what a candidate has in common or not; whatever has none is shown as it is."""
    names = [each.name for kind in (BreakKind, BreakStatus, LineState, DayStatus, ReferenceKind) for each in kind]
    names += [each.name for each in InstructionStatus]
    names += ["CREDITOR_UNKNOWN", "SUSPENSE_BLOCKED", "PAYER_UNKNOWN", "PAYER_ON_SANCTIONS_LIST", "ENTRY_UNREADABLE"]
    names += [f"SAME_{each.name}" for kind in (Likeness, ReferenceKind) for each in kind]
    names += [each.removeprefix("FAULT_KIND_") for each in events_pb2.FaultKind.keys()[1:]]
    assert [each for each in names if worded(each, Language.CHINESE) == each != "UETR"] == []
