"""The checker of drills finds what it is there to find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

import pytest
from ringfence.ids import new_id
from ringfence.ledger import (
    Account,
    AccountClass,
    AccountFlag,
    AccountStatus,
    Balances,
    ClassTotal,
    NewAccount,
    NewTransfer,
    Purpose,
    Result,
    Totals,
    Transfer,
    TransferFlag,
)

from .books import Books, Line
from .checker import check
from .findings import Kind
from .journal import Answered, Journal, Opened, Row

MIRROR, CLIENT = new_id(), new_id()
CREATED, EXISTS = frozenset({"created"}), frozenset({"exists"})
DEPOSIT = NewTransfer(
    id=new_id(),
    amount_minor=500,
    currency="EUR",
    code=Purpose.DEPOSIT,
    debit_account_id=MIRROR,
    credit_account_id=CLIENT,
    user_data_128=CLIENT,
)
RESERVATION = replace(
    DEPOSIT,
    id=new_id(),
    amount_minor=70,
    code=Purpose.WITHDRAWAL,
    debit_account_id=CLIENT,
    credit_account_id=MIRROR,
    flags=TransferFlag.PENDING,
)
REFUSED = replace(RESERVATION, id=new_id(), amount_minor=10**9, flags=0)


def answered(transfer: NewTransfer, status: str, time_ns: int, *, attempts: int = 1, expected: str = "") -> Answered:
    """Returns a request of one row and its answer."""
    row = Row(transfer, transfer, frozenset({expected or status}), EXISTS)
    return Answered([row], [Result(transfer.id, status, time_ns)], attempts)


def stands(transfer: NewTransfer, time_ns: int) -> Transfer:
    """Returns the transfer as the ledger shows it."""
    return Transfer(**asdict(transfer), timestamp_ns=time_ns)


def account(identifier: UUID, account_class: AccountClass, balances: Balances) -> Account:
    """Returns an account as the ledger shows it."""
    return Account(
        id=identifier,
        owner_id=None,
        account_class=account_class,
        currency="EUR",
        code=1,
        flags=AccountFlag(0),
        status=AccountStatus.ACTIVE,
        order_reference="",
        balances=balances,
        timestamp_ns=1,
        user_data_128=None,
        user_data_64=0,
        user_data_32=0,
    )


@pytest.fixture
def journal() -> Journal:
    """A deposit, a reservation and a refusal, on two accounts."""
    opened = [NewAccount(id=each, account_class=AccountClass.CLIENT, currency="EUR") for each in (MIRROR, CLIENT)]
    return Journal(
        transfers=[
            answered(DEPOSIT, "created", 10),
            answered(RESERVATION, "created", 11),
            answered(REFUSED, "exceeds_credits", 12),
        ],
        accounts=[Opened(opened, [Result(each.id, "created", 1) for each in opened], 1)],
    )


@pytest.fixture
def books() -> Books:
    """The books that belong to that journal."""
    mirror = Balances(0, 500, 70, 0)
    client = Balances(70, 0, 0, 500)
    return Books(
        accounts=[account(MIRROR, AccountClass.BANK_MIRROR, mirror), account(CLIENT, AccountClass.CLIENT, client)],
        transfers=[stands(DEPOSIT, 10), stands(RESERVATION, 11)],
        statements={MIRROR: [Line(DEPOSIT.id, -500, -500)], CLIENT: [Line(DEPOSIT.id, 500, 500)]},
        totals=Totals(
            [ClassTotal(AccountClass.BANK_MIRROR, "EUR", 1, mirror), ClassTotal(AccountClass.CLIENT, "EUR", 1, client)],
            2,
            9,
        ),
    )


def kinds(journal: Journal, books: Books) -> set[Kind]:
    """Returns the kinds of what the checker finds."""
    return {finding.kind for finding in check(journal, books)}


def named(journal: Journal, books: Books, kind: Kind, identifier: UUID) -> bool:
    """Tells whether a finding of a kind names an id."""
    return any(finding.kind is kind and str(identifier) in finding.what for finding in check(journal, books))


def test_books_that_agree_raise_nothing(journal: Journal, books: Books) -> None:
    """Where everything acknowledged is in the books, nothing is found."""
    assert check(journal, books) == []


def test_lost_transfer_is_named(journal: Journal, books: Books) -> None:
    """A transfer that was acknowledged and is not in the ledger is found, and the count with it."""
    less = replace(books, transfers=books.transfers[:1], totals=replace(books.totals, transfers=1))
    assert named(journal, less, Kind.LOST, RESERVATION.id)
    assert kinds(journal, less) == {Kind.LOST, Kind.MISCOUNTED}


def test_lost_line_is_named(journal: Journal, books: Books) -> None:
    """A transfer that is missing on a statement is found although the ledger has it."""
    less = replace(books, statements={**books.statements, CLIENT: []})
    assert named(journal, less, Kind.LOST, DEPOSIT.id)
    assert named(journal, less, Kind.UNBALANCED, CLIENT)


def test_doubled_transfer_is_named(journal: Journal, books: Books) -> None:
    """A transfer that is in the ledger, or moved money, twice is found."""
    twice = replace(
        books,
        transfers=[*books.transfers, stands(DEPOSIT, 13)],
        statements={**books.statements, CLIENT: [Line(DEPOSIT.id, 500, 500), Line(DEPOSIT.id, 500, 1_000)]},
    )
    found = [finding.what for finding in check(journal, twice) if finding.kind is Kind.DOUBLED]
    assert len(found) == 2
    assert all(str(DEPOSIT.id) in each for each in found)


@pytest.mark.parametrize("altered", [{"amount_minor": 501}, {"user_data_64": 1}, {"credit_account_id": MIRROR}])
def test_altered_transfer_is_named(journal: Journal, books: Books, altered: dict[str, Any]) -> None:
    """A transfer that stands with another field than was asked for is found."""
    changed = [replace(books.transfers[0], **altered), *books.transfers[1:]]
    assert named(journal, replace(books, transfers=changed), Kind.ALTERED, DEPOSIT.id)


def test_other_time_is_named(journal: Journal, books: Books) -> None:
    """A transfer that stands with another time than was acknowledged is found."""
    changed = [replace(books.transfers[0], timestamp_ns=99), *books.transfers[1:]]
    assert named(journal, replace(books, transfers=changed), Kind.ALTERED, DEPOSIT.id)


def test_refused_transfer_in_the_ledger_is_named(journal: Journal, books: Books) -> None:
    """A transfer that was refused and is in the ledger is found."""
    more = replace(books, transfers=[*books.transfers, stands(REFUSED, 12)])
    assert named(journal, more, Kind.INVENTED, REFUSED.id)


def test_transfer_that_nobody_asked_for_is_named(journal: Journal, books: Books) -> None:
    """A line on a statement that belongs to no request is found."""
    stranger = Line(new_id(), 5, 505)
    more = replace(books, statements={**books.statements, CLIENT: [*books.statements[CLIENT], stranger]})
    assert named(journal, more, Kind.INVENTED, stranger.transfer_id)


@pytest.mark.parametrize(
    "second",
    [
        answered(DEPOSIT, "created", 10, attempts=2),
        answered(DEPOSIT, "exists", 99),
        answered(DEPOSIT, "exceeds_credits", 12),
        answered(DEPOSIT, "id_already_failed", 12),
    ],
    ids=["created twice", "another time", "refused", "refused for ever"],
)
def test_contradicting_answers_are_named(journal: Journal, books: Books, second: Answered) -> None:
    """Two answers about one id that cannot both be true are found."""
    journal.write(second)
    assert named(journal, books, Kind.CONTRADICTED, DEPOSIT.id)


@pytest.mark.parametrize(("attempts", "found"), [(1, {Kind.UNEXPECTED}), (2, set())])
def test_exists_is_right_after_a_lost_answer_only(
    journal: Journal, books: Books, attempts: int, found: set[Kind]
) -> None:
    """A first attempt that is answered `exists` is found; a second attempt may be."""
    journal.transfers[0] = answered(DEPOSIT, "exists", 10, attempts=attempts, expected="created")
    assert kinds(journal, books) == found


def chain(statuses: Sequence[str], attempts: int) -> tuple[Answered, list[NewTransfer]]:
    """Returns a chain of payments of nothing but reservations, with its answers."""
    links = [replace(RESERVATION, id=new_id(), amount_minor=1) for _ in statuses]
    links = [replace(each, flags=each.flags | TransferFlag.LINKED) for each in links[:-1]] + links[-1:]
    rows = [Row(each, each, CREATED, frozenset({"exists", "linked_event_failed"})) for each in links]
    results = [Result(each.id, status, 20) for each, status in zip(links, statuses, strict=True)]
    return Answered(rows, results, attempts), links


def test_chain_sent_again_stands_by_its_first_row(journal: Journal, books: Books) -> None:
    """A chain whose first row `exists` stands as a whole, so each of its rows that is not there is lost."""
    again, links = chain(["exists", "linked_event_failed", "linked_event_failed"], attempts=2)
    journal.write(again)
    assert all(named(journal, books, Kind.LOST, each.id) for each in links)


def test_broken_chain_stands_nowhere(journal: Journal, books: Books) -> None:
    """A chain of which a row was refused is in the ledger with no row."""
    broken, links = chain(["linked_event_failed", "exceeds_credits", "linked_event_failed"], attempts=1)
    journal.write(broken)
    more = replace(books, transfers=[*books.transfers, stands(links[0], 20)])
    assert named(journal, more, Kind.INVENTED, links[0].id)


def test_wrong_balances_are_named(journal: Journal, books: Books) -> None:
    """A balance that is not the sum of its lines, a running balance or a reservation gone astray are found."""
    client = books.accounts[1]
    richer = replace(client, balances=replace(client.balances, credits_posted_minor=501))
    reserved = replace(client, balances=replace(client.balances, debits_pending_minor=71))
    leaping = {**books.statements, CLIENT: [Line(DEPOSIT.id, 500, 499)]}
    for wrong in (
        replace(books, accounts=[books.accounts[0], richer]),
        replace(books, accounts=[books.accounts[0], reserved]),
        replace(books, statements=leaping),
    ):
        assert named(journal, wrong, Kind.UNBALANCED, CLIENT)


def test_account_that_is_gone_is_named(journal: Journal, books: Books) -> None:
    """An account that was acknowledged and is not in the book is found."""
    third = NewAccount(id=new_id(), account_class=AccountClass.CLIENT, currency="EUR")
    journal.write(Opened([third], [Result(third.id, "created", 2)], 1))
    assert named(journal, books, Kind.LOST, third.id)
