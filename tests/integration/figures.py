"""Figures of a bank's real postings, wherever they are shown: page, CSV, camt.053, command and gRPC, held to the file.

What has to come out is added up here from the file alone, row by row: neither custody, nor the log, nor a page has a
part in it.
"""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import accumulate
from pathlib import Path
from uuid import UUID

from lxml import etree
from ringfence.books import Books, proven_balance
from ringfence.client import Client
from ringfence.commands.proving import Account, require_same
from ringfence.console_host.host import host_of
from ringfence.ids import external_id, new_id
from ringfence.ledger import Purpose, Transfer
from ringfence.money import ledger_of
from ringfence.remembered import Remembered
from ringfence_console import OneTimeLink, console
from ringfence_console.ports import View
from ringfence_desk.camt053 import NAMESPACE
from ringfence_desk.language import Language
from ringfence_desk.words import code
from ringfence_local_stack.replay.book import Book
from ringfence_local_stack.replay.rows import CURRENCY, Postings, Row
from ringfence_local_stack.scenario.waiting import eventually
from ringfence_verifier import ProvenBalance

from clients.console.tests.asking import HOST, Asking

Series = list[tuple[int, int]]
"""What each movement adds, and what is there after it; minor units."""
LOG_SECONDS, PAUSE_SECONDS = 60.0, 0.5
_FIGURES = re.compile(r"<dd>(\N{MINUS SIGN}?[0-9,.]+)</dd>")
_CLASS = re.compile(r'<th scope="row">([^<]+)</th><td class="n">[0-9,]+</td><td class="n">([^<]+)</td>')


@dataclass(frozen=True)
class ByFile:
    """What the file alone says of its accounts; `rows` as far as they are taken."""

    postings: Postings
    rows: Sequence[Row] = field(default=())

    def series(self, account: str) -> Series:
        """Gives an account's movements; what the bank has rounded is one of its own."""
        own = [row for row in self.rows if row.account == account]
        changes = [each for row in own for each in (row.rounding_minor, row.amount_minor) if each]
        found = list(zip(changes, accumulate(changes), strict=True))
        assert not own or found[-1][1] == own[-1].balance_minor, "the bank's own balance is another"
        return found

    def classes(self, guarantee_minor: int) -> Mapping[str, int]:
        """Gives what each class of accounts has; the bank has everything that came and did not go."""
        clients = sum(series[-1][1] for series in map(self.series, self.postings.accounts) if series)
        return {"CLIENT": clients, "GUARANTEE": guarantee_minor, "BANK_MIRROR": clients + guarantee_minor}


@dataclass
class Shown:
    """What is shown of a replayed book, by every way to it; `folder` holds what the reader has seen of the log."""

    book: Book
    regulator: Client
    log_key: str
    folder: Path

    def __post_init__(self) -> None:
        links: list[str] = []
        host = host_of(self.regulator, self.log_key, Remembered(self.folder), None)
        self.facts = host.facts
        self.ask = Asking(console(host, OneTimeLink(links.append), [HOST]))
        assert self.ask(f"/enter?key={links[-1]}").status == 303

    def custody(self, account: UUID) -> Series:
        """By custody's own statement, over gRPC."""
        entries = self.book.importer.custody.statement(account, self.book.id)
        return [
            (each.transfer.amount_minor * (1 if each.transfer.credit_account_id == account else -1), each.balance_minor)
            for each in entries
        ]

    def table(self, account: UUID) -> Series:
        """By the page's CSV."""
        text = self.text(f"/account/{account}/csv")
        assert text.startswith("\ufeff")
        rows = list(csv.DictReader(io.StringIO(text[1:])))
        moved = [(minor(row["change"]), minor(row["balance"])) for row in rows if row["fact"]]
        assert [minor(rows[at]["balance"]) for at in (0, -1)] == [0, moved[-1][1] if moved else 0]
        return moved

    def data(self, account: UUID, part: str = "") -> tuple[list[int], Series]:
        """By the page's JSON: opening, what came, what went and closing, and its movements."""
        found = json.loads(self.text(f"/account/{account}/json{part}"))
        sums = [minor(found[each]) for each in ("opening", "in", "out", "closing")]
        return sums, [(minor(each["change"]), minor(each["balance"])) for each in found["movements"]]

    def has(self, account: UUID, movements: int) -> bool:
        """Tells whether the log has taken over so many movements of an account."""
        answer = self.ask(f"/account/{account}/csv")
        return answer.status == 200 and answer.text.count("\n") == movements + 3

    def last_fact(self, account: UUID) -> int:
        """Gives the index of an account's newest movement."""
        rows = csv.DictReader(io.StringIO(self.text(f"/account/{account}/csv")[1:]))
        return max(int(row["fact"]) for row in rows if row["fact"])

    def message(self, account: UUID) -> tuple[int, int, list[int]]:
        """By its camt.053: opening, closing, and what each entry adds."""
        told = etree.fromstring(self.text(f"/account/{account}/camt.053").encode())
        opening, closing = _signed(told, "Bal")
        return opening, closing, list(_signed(told, "Ntry"))

    def figures(self, account: UUID) -> list[int]:
        """By the page: opening, what came, what went, closing."""
        return [minor(each) for each in _FIGURES.findall(self.text(f"/account/{account}"))[:4]]

    def classes(self, at_ns: int) -> Mapping[str, int]:
        """By the page of books as of an instant in whole microseconds: balances by class."""
        page = self.text(f"/books{self._as_of(at_ns)}")
        return {name: minor(each) for name, each in _CLASS.findall(page)}

    def class_data(self, at_ns: int) -> Mapping[str, int]:
        """By the JSON of books, as `classes`; by the names that the log has."""
        found = json.loads(self.text(f"/books/json{self._as_of(at_ns)}"))
        return {each["class"].upper(): minor(each["balance"]) for each in found["classes"]}

    def _as_of(self, at_ns: int) -> str:
        micros = at_ns // 1000
        at = f"{datetime.fromtimestamp(micros // 10**6, UTC):%Y-%m-%dT%H:%M:%S}.{micros % 10**6:06}"
        return f"?book={self.book.id}:{ledger_of(CURRENCY)}&as_of={at}"

    def books(self, at_ns: int = 0, account: UUID | None = None) -> Books:
        """By the log, over gRPC."""
        return self.regulator.books.get(self.book.id, CURRENCY, at_ns=at_ns, account_id=account)

    def text(self, path: str) -> str:
        """Gives a page."""
        answer = self.ask(path)
        assert answer.status == 200, answer.text[:2000]
        return answer.text


def require_statements(shown: Shown, by_file: ByFile, numbers: Sequence[str]) -> int:
    """Holds all ways out to the file, for these accounts; gives how many movements were compared."""
    compared = 0
    for number in numbers:
        account, due = shown.book.account(number), by_file.series(number)
        changes = [change for change, _ in due]
        incoming, outgoing = (sum(max(0, sign * change) for change in changes) for sign in (1, -1))
        closing = due[-1][1] if due else 0
        assert eventually(partial(shown.has, account, len(due)), LOG_SECONDS), "the log has not taken them over"
        assert shown.custody(account) == due
        assert shown.table(account) == due
        assert shown.message(account) == (0, closing, changes)
        assert shown.figures(account) == [0, incoming, outgoing, closing]
        assert shown.data(account) == ([0, incoming, outgoing, closing], due)
        later = (datetime.now(UTC) + timedelta(days=1)).date()
        assert shown.data(account, f"?from={later}") == ([closing, 0, 0, closing], [])
        assert shown.data(account, f"?from=2001-01-01&to={later}") == ([0, incoming, outgoing, closing], due)
        compared += len(due)
    return compared


def require_as_of(shown: Shown, postings: Postings, cuts: Sequence[int]) -> None:
    """Holds page and gRPC as of the booking of some rows to what the file comes to by then."""
    booked = {each.id: each for each in shown.book.importer.custody.list_transfers(shown.book.id)}
    guarantee = sum(each.amount_minor for each in booked.values() if each.code == Purpose.GUARANTEE_FUNDING)
    for cut in cuts:
        last = _booked(shown.book, booked, postings.rows[cut])
        at_ns = -(-last.timestamp_ns // 1000) * 1000  # pages know microseconds
        by_then = list(_by_then(shown.book, booked, postings, at_ns))
        assert len(by_then) < len(postings.rows), "the instant has all of them before it"
        due = ByFile(postings, by_then)
        by_class = due.classes(guarantee)
        books = shown.books(at_ns, shown.book.account(postings.rows[cut].account))
        found = {name.upper(): abs(each.balance) for name, each in books.classes.items()}
        assert found == by_class
        assert books.balances
        assert books.balances.balance == due.series(postings.rows[cut].account)[-1][1]
        assert shown.class_data(at_ns) == by_class
        assert shown.classes(at_ns) == {_word(name): each for name, each in by_class.items()}


def await_closing(shown: Shown, number: str) -> None:
    """Has custody close its books until a closing over all movements of an account is stated, and proven.

    What was closed up to five seconds before is what a demand gets.
    """
    account = shown.book.account(number)
    last = shown.last_fact(account)
    end = time.monotonic() + LOG_SECONDS
    while time.monotonic() < end:
        shown.regulator.books.demand(shown.book.id, CURRENCY, new_id())
        time.sleep(PAUSE_SECONDS)
        proof = shown.books(account=account).balance_proof
        if proof and _proven(shown, account, proof).closing > last:
            return
    raise AssertionError("no closing over all movements is proven")


def require_proven(shown: Shown, by_file: ByFile, numbers: Sequence[str]) -> None:
    """Holds what is proven of accounts to the file, and to their own transfers."""
    for number in numbers:
        account = shown.book.account(number)
        found = _proven(shown, account, shown.books(account=account).balance_proof)
        assert found.is_same
        assert found.balances
        assert found.balances.balance == by_file.series(number)[-1][1]
        page = shown.text(f"/account/{account}/books?of={shown.book.id}&ledger={ledger_of(CURRENCY)}")
        assert [minor(each) for each in _FIGURES.findall(page)] == [
            found.balances.credits_posted,
            found.balances.debits_posted,
            found.balances.credits_pending,
            found.balances.debits_pending,
        ]
        reading = shown.facts.reading(View("account", str(account)))
        require_same(found, Account(account, shown.book.id, CURRENCY), reading.facts_of(account))


def minor(text: str) -> int:
    """Reads an amount with two decimals, as pages or files have it."""
    return int(Decimal(text.replace(",", "").replace("\N{MINUS SIGN}", "-")) * 100)


def _proven(shown: Shown, account: UUID, proof: bytes) -> ProvenBalance:
    return proven_balance(proof, account, shown.book.id, ledger_of(CURRENCY), shown.log_key)


def _by_then(book: Book, booked: Mapping[UUID, Transfer], postings: Postings, at_ns: int) -> Iterator[Row]:
    """Yields rows as far as they were booked by an instant: what the bank has rounded may be, and its row not yet."""
    for row in postings.rows:
        rounding = booked.get(external_id("replay.transfer", book.id, f"{row.trans_id}/rounding"))
        is_rounded = rounding is not None and rounding.timestamp_ns <= at_ns
        if _booked(book, booked, row).timestamp_ns <= at_ns:
            yield row
        elif is_rounded:
            yield replace(row, amount_minor=0, balance_minor=row.balance_minor - row.amount_minor)


def _booked(book: Book, booked: Mapping[UUID, Transfer], row: Row) -> Transfer:
    return booked[external_id("replay.transfer", book.id, row.trans_id)]


def _signed(told: etree._Element, name: str) -> Iterator[int]:
    """Yields amounts by their sides."""
    for each in told.iterfind(f".//{{{NAMESPACE}}}Stmt/{{{NAMESPACE}}}{name}"):
        amount, side = (each.findtext(f"{{{NAMESPACE}}}{part}") or "" for part in ("Amt", "CdtDbtInd"))
        yield minor(amount) * (1 if side == "CRDT" else -1)


def _word(name: str) -> str:
    known = code("custody.account.v1", "account_class", name)
    assert known
    return known.words[Language.ENGLISH]
