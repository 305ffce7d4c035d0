"""A bank's real postings are the same figures on every way out of the platform, as of now and of any instant.

A few accounts with each change; all of the file by `make figures`.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from ringfence_local_stack.replay.book import Book, prepare
from ringfence_local_stack.replay.posting import replay
from ringfence_local_stack.replay.rows import CURRENCY, Postings, read_postings
from ringfence_local_stack.scenario import Scenario, eventually
from ringfence_verifier import verify_balance

from .conftest import Shell
from .figures import LOG_SECONDS, ByFile, Shown, await_closing, minor, require_as_of, require_proven, require_statements

FILE = "transactions/berka/trans_sequence.csv"
IS_WHOLE = os.environ.get("RINGFENCE_FIGURES") == "whole"
SOME, ROWS = ("9188", "10266", "2"), 40
"""One that the bank has rounded often, one that is overdrawn, and the first: so many rows of each."""
CUTS, PROVEN = (10, 25) if IS_WHOLE else (2, 2)
BATCH_ROWS = 1_000 if IS_WHOLE else 15
"""So that instants lie between what is posted together, and the log takes over several at once."""


@pytest.fixture(scope="module")
def postings(foreign_data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Postings:
    """The bank's file, or a part of it."""
    file = foreign_data(FILE)
    if IS_WHOLE:
        return read_postings(file)
    with file.open(encoding="utf-8-sig", newline="") as content:
        rows = list(csv.DictReader(content))
    some = [row for each in SOME for row in [row for row in rows if row["account_id"] == each][:ROWS]]
    part = tmp_path_factory.mktemp("postings") / "part.csv"
    with part.open("w", newline="") as written:
        table = csv.DictWriter(written, rows[0].keys())
        table.writeheader()
        table.writerows(some)
    return read_postings(part)


@pytest.fixture(scope="module")
def book(scenario: Scenario, postings: Postings) -> Book:
    """The book that they were replayed into."""
    made = prepare(scenario.sandbox, postings)
    outcome = replay(made, postings, batch_rows=BATCH_ROWS)
    assert (outcome.posted, outcome.mismatches) == (len(postings.rows), 0)
    return made


@pytest.fixture(scope="module")
def shown(scenario: Scenario, book: Book, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """How a regulator sees it."""
    return Shown(book, scenario.regulator, scenario.sandbox.log_key(), tmp_path_factory.mktemp("seen"))


@pytest.fixture(scope="module")
def closed(shown: Shown, postings: Postings) -> Shown:
    """The same, once custody has closed its books over all of it."""
    number = postings.accounts[0]
    due = ByFile(postings, postings.rows).series(number)
    assert eventually(partial(shown.has, shown.book.account(number), len(due)), LOG_SECONDS)
    await_closing(shown, number)
    return shown


def test_statements_are_the_banks_own(shown: Shown, postings: Postings) -> None:
    """Each movement and balance of each account: custody's statement, the page, its CSV and its camt.053."""
    compared = require_statements(shown, ByFile(postings, postings.rows), postings.accounts)
    print(f"{compared:,} movements of {len(postings.accounts)} accounts, each by five ways")
    assert compared >= len(postings.rows)


def test_books_as_of_an_instant_are_what_the_file_comes_to(shown: Shown, postings: Postings) -> None:
    """Page and gRPC, whatever was posted together with the row or since."""
    count = len(postings.rows)
    require_as_of(shown, postings, [count * (each + 1) // (CUTS + 1) for each in range(CUTS)])


def test_balances_are_proven_under_custodys_closing(closed: Shown, postings: Postings) -> None:
    """By the books' leaf, and by all transfers of the account up to there."""
    step = max(1, len(postings.accounts) // PROVEN)
    require_proven(closed, ByFile(postings, postings.rows), postings.accounts[::step][:PROVEN])


def test_the_commands_say_the_same(closed: Shown, book: Book, postings: Postings, shell: Shell, tmp_path: Path) -> None:
    """`statement` and `balance` as JSON, and the proof that is written is one that anybody can check."""
    number = postings.accounts[0]
    account, due = book.account(number), ByFile(postings, postings.rows).series(number)
    printed = shell("replay-importer", "statement", str(account))
    assert [(_minor(row["amount"]), _minor(row["balance"])) for row in printed] == due
    proof = tmp_path / "proof"
    asked = ["balance", "--platform", str(book.id), "--currency", CURRENCY, "--account", str(account)]
    rows = shell("regulator", *asked, "--key", closed.log_key, "--demand", "--save", str(proof))
    assert [_minor(row["balance"]) for row in rows if row["of"].startswith(str(account))] == 2 * [due[-1][1]]
    (mirror,) = (row["balance"] for row in rows if row["of"] == "bank mirror")
    assert _minor(mirror) == -closed.books().classes["bank_mirror"].balance
    checked = verify_balance(proof.read_bytes(), closed.log_key).balances
    assert checked
    assert checked.balance == due[-1][1]


def _minor(text: str) -> int:
    return minor(text.removesuffix(f" {CURRENCY}"))
