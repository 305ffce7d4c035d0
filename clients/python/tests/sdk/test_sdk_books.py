"""Books by one definition: what the overview folds, what the log's totals come to, and the verdict of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import grpc
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ringfence.books import BookReads, Books
from ringfence.console_host.survey import Survey
from ringfence_desk.fact import Fact
from ringfence_protos.audit.v1 import audit_pb2 as pb
from ringfence_verifier import Fact as Leaf
from ringfence_verifier import VerificationError
from ringfence_verifier.books import Fold, is_covered

FIRST, SECOND = UUID(int=0xFACE), UUID(int=0xBEEF)
EURO = 978
CLASSES = ("BANK_MIRROR", "CLIENT", "CLIENT", "SUSPENSE", "PLATFORM", "FEE", "GUARANTEE", "SHORTFALL")
MIRROR, ANNA, BERTA, SUSPENSE, OWN, FEES, GUARANTEE, SHORTFALL = (UUID(int=0xA0 + at) for at in range(len(CLASSES)))
ACCOUNTS = st.sampled_from([MIRROR, ANNA, BERTA, SUSPENSE, OWN, FEES, GUARANTEE, SHORTFALL])
MOVES = st.lists(
    st.tuples(st.sampled_from([FIRST, SECOND]), ACCOUNTS, ACCOUNTS, st.integers(1, 9)).filter(
        lambda move: move[1] != move[2]
    ),
    max_size=20,
)
Moves = list[tuple[UUID, UUID, UUID, int]]
COVERED_BY_GUARANTEE: Moves = [
    (FIRST, MIRROR, ANNA, 100),
    (FIRST, MIRROR, SUSPENSE, 20),
    (FIRST, MIRROR, GUARANTEE, 50),
    (FIRST, BERTA, MIRROR, 30),
]


@dataclass
class Log:
    """A log of two books whose accounts have the same ids, as the reader folds it and as the log does."""

    survey: Survey = field(default_factory=Survey)
    fold: Fold = field(default_factory=Fold)

    def __post_init__(self) -> None:
        for platform in (FIRST, SECOND):
            for at, account_class in enumerate(CLASSES):
                self.open(platform, UUID(int=0xA0 + at), account_class)

    def open(self, platform: UUID, account: UUID, account_class: str) -> None:
        """Opens an account."""
        stated = {"tenant_id": platform.bytes, "account_id": account.bytes, "ledger": EURO}
        self.add("custody.account.v1", {**stated, "account_class": account_class})

    def add(self, kind: str, stated: dict[str, Any]) -> None:
        """Adds a fact."""
        self.survey.add(Fact(self.survey.next_leaf, kind, stated), b"leaf")
        self.fold.add(Leaf(kind, stated))

    def move(self, platform: UUID, source: UUID, target: UUID, minor: int, **stated: Any) -> None:
        """Adds a transfer."""
        ids = {"debit_account_id": source.bytes, "credit_account_id": target.bytes, "tenant_id": platform.bytes}
        self.add("custody.transfer.v1", {**ids, "ledger": EURO, "amount_minor": minor, "flags": 0, **stated})

    def answer(self, platform: UUID) -> pb.GetBooksResponse:
        """Gives what the log says of a book."""
        stated = self.fold.stated(platform.bytes, EURO)
        totals = {name.removeprefix("class_"): each for name, each in stated.items() if isinstance(each, bytes)}
        totals.pop("balances_root")
        classes = [pb.ClassTotals(account_class=name, totals=each) for name, each in totals.items()]
        return pb.GetBooksResponse(classes=classes, is_covered=is_covered(stated))


@dataclass
class Answering:
    """A connection that answers the same to everything."""

    answer: object

    def call(self, method: object, request: object) -> object:
        """Answers."""
        return self.answer


def read(answer: pb.GetBooksResponse) -> Books:
    """Reads a log's answer about a book."""
    with grpc.insecure_channel("127.0.0.1:1") as channel:
        return BookReads(channel, Answering(answer)).get(FIRST, "EUR")  # type: ignore[arg-type] # asks nobody


@given(MOVES)
@example(COVERED_BY_GUARANTEE)
def test_overview_and_books_say_the_same(moves: Moves) -> None:
    """Of any movements of any classes: the same figures, and the verdict that the verifier comes to."""
    log = Log()
    for move in moves:
        log.move(*move)
    seen = {book.platform_id: book for book in log.survey.books()}
    for platform in (FIRST, SECOND):
        answer = log.answer(platform)
        assert seen[platform].equation == read(answer).equation
        assert seen[platform].equation.is_covered == answer.is_covered


def test_a_guarantee_covers_what_is_overdrawn() -> None:
    """A client's overdraft is missing, and covered as far as guarantee and suspense reach: 100 owed, 140 there."""
    log = Log()
    for move in COVERED_BY_GUARANTEE:
        log.move(*move)
    book = log.survey.books()[0]
    assert (book.equation.clients_minor, book.equation.there_minor, book.equation.difference_minor) == (100, 140, 40)
    assert (book.suspense_minor, book.guarantee_minor) == (20, 50)


def test_what_the_platform_owes_is_not_at_the_banks() -> None:
    """9,000 at the banks and a promise of 1,000 cover 10,000, and are told apart."""
    log = Log()
    log.move(FIRST, MIRROR, ANNA, 10_000)
    log.move(FIRST, SHORTFALL, MIRROR, 1_000)
    found = log.survey.books()[0].equation
    assert (found.bank_minor, found.made_good_minor, found.there_minor) == (9_000, 1_000, 10_000)


def test_one_platforms_debt_is_not_anothers() -> None:
    """Their accounts have the same ids: what one owes neither lacks with it nor is more with the other."""
    log = Log()
    for platform in (FIRST, SECOND):
        log.move(platform, MIRROR, ANNA, 1_000)
    log.move(FIRST, SHORTFALL, MIRROR, 300)
    log.open(SECOND, MIRROR, "CLIENT")
    first, second = log.survey.books()
    assert [(each.equation.made_good_minor, each.equation.difference_minor) for each in (first, second)] == [
        (300, 0),
        (0, 0),
    ]
    assert second.equation.bank_minor == 1_000


def test_reservations_and_payments_are_of_their_book() -> None:
    """A void of one platform frees nothing of another under the same id, and payments of both count."""
    log, pending = Log(), UUID(int=0xB0)
    for platform, minor in ((FIRST, 7), (SECOND, 5)):
        log.move(platform, ANNA, MIRROR, minor, flags=2, transfer_id=pending.bytes)
        step = {"tenant_id": platform.bytes, "instruction_id": pending.bytes, "status": "HELD", "reason": ""}
        log.add("payment-instruction.step.v1", step)
    log.move(SECOND, ANNA, MIRROR, 5, flags=8, pending_id=pending.bytes)
    assert [book.reserved_minor for book in log.survey.books()] == [7, 0]
    assert list(log.survey.payments.values()) == [("HELD", "")] * 2


def test_a_verdict_that_its_own_totals_deny_is_refused() -> None:
    """Whichever way round the log says it."""
    log = Log()
    answer = log.answer(FIRST)
    assert read(answer).is_covered
    answer.is_covered = False
    with pytest.raises(VerificationError, match="not covered"):
        read(answer)
    log.move(FIRST, SUSPENSE, ANNA, 1)
    log.move(FIRST, OWN, SUSPENSE, 2)
    log.move(FIRST, SHORTFALL, SUSPENSE, 1)
    short = log.answer(FIRST)
    short.is_covered = not short.is_covered
    with pytest.raises(VerificationError, match="opposite"):
        read(short)


def test_the_next_leaf_is_after_the_last_not_the_count() -> None:
    """A reader of a part gets leaves with gaps: going on from their number would give some of them again."""
    survey = Survey()
    survey.add(Fact(7, "custody.unknown.v1", {}), b"leaf")
    assert (survey.size, survey.next_leaf) == (1, 8)
    with pytest.raises(VerificationError):
        survey.add(Fact(7, "custody.unknown.v1", {}), b"leaf")
