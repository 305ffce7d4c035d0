"""Proven balances: of the account that was asked about, and what its own transfers come to, or the command fails."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from ringfence.books import BookReads, Books, BooksClosing, proven_balance
from ringfence.client import Client
from ringfence.commands.proving import Account, Proved, balance, proved, require_same
from ringfence.commands.trusted import REMEMBERED
from ringfence.console_host.balances import SdkBalances
from ringfence.console_host.facts import LogFacts
from ringfence.console_host.history import History
from ringfence.remembered import LogForked, Remembered
from ringfence_console import ports
from ringfence_console.balances import InBooks
from ringfence_desk.fact import Fact
from ringfence_verifier import KeySuccession, LogKey, VerificationError

from clients.verifier.tests.answers import IndexedLog
from clients.verifier.tests.balances import PLATFORM, Bookkeeping, Sums, account, between
from clients.verifier.tests.notes import Signer, leaf

from .logged import SIGNER, LoggedService

EUR = 978
BOOK, ANNA, BANK = UUID(bytes=PLATFORM), UUID(bytes=account(3)), UUID(int=99)
BOOKS = Bookkeeping(10, stated=(("closing", 4),))
DEBITS, CREDITS = BOOKS.sums(3)[1], BOOKS.sums(3)[3]


def test_a_proof_about_something_else_is_refused() -> None:
    """Another account, another platform, another currency: whatever the log has proven of them."""
    proof = BOOKS.parts(ANNA.bytes).encoded()
    assert proven_balance(proof, ANNA, BOOK, EUR, BOOKS.signer.vkey).balances
    for other in ((BANK, BOOK, EUR), (ANNA, BANK, EUR), (ANNA, BOOK, 156)):
        with pytest.raises(VerificationError, match="another account"):
            proven_balance(proof, *other, BOOKS.signer.vkey)


def facts(*moved: tuple[int, UUID, UUID, int], account_class: str = "CLIENT") -> list[Fact]:
    """Gives an account's facts: it is opened, then each moves at an index from one to another so many minor units."""
    of_book = {"tenant_id": BOOK.bytes, "ledger": EUR}
    made = [Fact(0, "custody.account.v1", {**of_book, "account_id": ANNA.bytes, "account_class": account_class})]
    for index, source, target, minor in moved:
        ids = {"debit_account_id": source.bytes, "credit_account_id": target.bytes, "transfer_id": account(index)}
        rest = {"position": index, "flags": 0, "code": 1, "time_ns": index, "amount_minor": minor}
        made.append(Fact(index, "custody.transfer.v1", {**of_book, **ids, **rest}))
    return made


def test_what_is_booked_up_to_the_closing_has_to_be_what_the_books_have() -> None:
    """A cent more or less is refused; what comes after the closing counts for nothing, on whichever side it grows."""
    found = proven_balance(BOOKS.parts(ANNA.bytes).encoded(), ANNA, BOOK, EUR, BOOKS.signer.vkey)
    mine = Account(ANNA, BOOK, "EUR")
    whole = [(1, BANK, ANNA, CREDITS), (2, ANNA, BANK, DEBITS)]
    for each in ("CLIENT", "BANK_MIRROR"):
        require_same(found, mine, facts(*whole, account_class=each))
    require_same(found, mine, facts(*whole, (4, ANNA, BANK, 1)))
    for other in (
        facts(*whole, (3, ANNA, BANK, 1)),
        facts(*whole[:1]),
        facts(whole[0], (2, ANNA, BANK, DEBITS - 1)),
        [],
    ):
        with pytest.raises(VerificationError, match="its transfers come to"):
            require_same(found, mine, other)


def test_who_was_not_there_has_nothing_booked() -> None:
    """An account that was opened after the closing is not in its books; one that was, and is not, is missing there."""
    nobody = UUID(bytes=between(5))
    found = proven_balance(BOOKS.parts(nobody.bytes).encoded(), nobody, BOOK, EUR, BOOKS.signer.vkey)
    require_same(found, Account(nobody, BOOK, "EUR"), [])
    opened = {"tenant_id": BOOK.bytes, "ledger": EUR, "account_id": nobody.bytes, "account_class": "CLIENT"}
    require_same(found, Account(nobody, BOOK, "EUR"), [Fact(4, "custody.account.v1", opened)])
    with pytest.raises(VerificationError):
        require_same(found, Account(nobody, BOOK, "EUR"), [Fact(3, "custody.account.v1", opened)])


CLOSED_NS = 1_699_999_999_000_000_000
NEWER = Signer(seed=b"n" * 32)
PAID_IN, PAID_OUT = 1_003, 13


class SmallBooks(Bookkeeping):
    """Books whose credits a fact can state."""

    def sums(self, number: int) -> Sums:
        """Gives those of an account."""
        return number, 2 * number + 7, 3 * number, 1_000 + number


def _moved(source: UUID, target: UUID, minor: int) -> bytes:
    sides = {"debit_account_id": source.bytes, "credit_account_id": target.bytes}
    of_book: dict[str, Any] = {"tenant_id": BOOK.bytes, "ledger": EUR, "flags": 0, "code": 1, "ordinal": 0}
    return leaf("custody.transfer.v1", amount_minor=minor, transfer_id=account(minor % 97), **sides, **of_book)


OPENED = leaf(
    "custody.account.v1", tenant_id=BOOK.bytes, ledger=EUR, account_id=ANNA.bytes, account_class="BANK_MIRROR"
)
CLOSED = leaf("custody.books_closed.v1", tenant_id=BOOK.bytes, ledger=EUR, closed_ns=CLOSED_NS)
LEAVES = (OPENED, _moved(BANK, ANNA, PAID_IN), _moved(ANNA, BANK, PAID_OUT), CLOSED)


class Closed:
    """A log that has stated the books of its fourth leaf, as one reader of all or of a part has it."""

    def __init__(self, folder: Path, signer: Signer = SIGNER, before: tuple[bytes, ...] = LEAVES) -> None:
        self.books = SmallBooks(10, signer=signer, stated=(("closing", 3),), before=before)
        self.service = LoggedService(IndexedLog(tuple(self.books.leaves), 7, signer))
        self.folder = folder
        self.newest = 3
        self.looks = 0

    def read(self, *_: object, **__: object) -> Books:
        """Gives what the log says of the books."""
        closing = BooksClosing(leaf_index=self.newest, position=1, closed_ns=CLOSED_NS, is_same=True, balances_root=b"")
        proof = self.books.parts(ANNA.bytes).encoded()
        return Books(
            size=7,
            accounts=10,
            balances_root=b"",
            classes={},
            balances=None,
            closing=closing,
            balance_proof=proof,
        )

    def page(self, at_ns: int = 0) -> InBooks:
        """Asks as the console does of who has seen nothing: the proof is under a shorter log than is shown then."""
        self.looks += 1
        reads = cast(BookReads, SimpleNamespace(get=self.read))
        facts = LogFacts(History(self.service.audit, SIGNER.vkey, Remembered(self.folder / str(self.looks))))
        return SdkBalances(reads, facts).in_books(BOOK, EUR, ANNA, at_ns, ports.View("balance"))

    def command(self, at_ns: int = 0, policy: Path | None = None) -> Proved:
        """Asks as the command does."""
        client = SimpleNamespace(audit=self.service.audit, credentials=SimpleNamespace(folder=self.folder))
        return proved(cast(Client, client), self.read(), Account(ANNA, BOOK, "EUR"), at_ns, SIGNER.vkey, policy)


@pytest.mark.parametrize("part", [None, range(8)])
def test_a_balance_has_the_class_and_the_time_that_facts_prove(tmp_path: Path, part: range | None) -> None:
    """What a bank holds grows by debits, on the page as in the command, for a reader of a part too."""
    log = Closed(tmp_path)
    log.service.part = part
    page, command = log.page(), log.command()
    assert (page.account_class, page.balance_minor) == ("BANK_MIRROR", PAID_OUT - PAID_IN)
    assert (page.closed_ns, page.newest_closing) == (CLOSED_NS, 3)
    assert (command.account_class, command.closed_ns) == ("BANK_MIRROR", CLOSED_NS)
    log.newest = 5
    assert log.page(CLOSED_NS).newest_closing == 5


def test_books_of_another_time_than_asked_are_refused(tmp_path: Path) -> None:
    """Closed after the instant, or after the newest closing by then; or by a fact that closes no such books."""
    log = Closed(tmp_path)
    for asking, refused in ((log.page, ports.NotProven), (log.command, VerificationError)):
        with pytest.raises(refused, match="after the instant"):
            asking(CLOSED_NS - 1)
        assert asking(CLOSED_NS).closed_ns == CLOSED_NS
    log.newest = 2
    with pytest.raises(VerificationError, match="after the instant"):
        log.command()
    of_book: dict[str, Any] = {"tenant_id": BOOK.bytes, "ledger": EUR, "closed_ns": CLOSED_NS}
    closed = "custody.books_closed.v1"
    others = leaf("x", **of_book), leaf(closed, **{**of_book, "tenant_id": BANK.bytes}), leaf(closed, ledger=EUR)
    for number, other in enumerate(others):
        wrong = Closed(tmp_path / f"wrong-{number}", before=(*LEAVES[:3], other))
        wrong.folder.mkdir()
        with pytest.raises(VerificationError, match="closes no such books"):
            wrong.command()


def test_a_reader_of_a_part_is_not_shown_another_history(tmp_path: Path) -> None:
    """The log has to go on from what was seen with these credentials, though no complete answer comes."""
    log = Closed(tmp_path)
    log.service.part = range(8)
    assert log.command().balance
    other = Closed(tmp_path, before=(leaf("x"), *LEAVES[1:]))
    other.service.part = range(8)
    with pytest.raises(LogForked):
        other.command()


def test_a_reader_of_a_part_follows_a_key_that_has_changed(tmp_path: Path) -> None:
    """What the newer key has signed is good for who has the older one, and was followed from it."""
    log = Closed(tmp_path, signer=NEWER)
    log.service.part = range(8)
    with pytest.raises(VerificationError):
        log.command()
    keys = KeySuccession((LogKey(SIGNER.vkey, 0, 4), LogKey(NEWER.vkey, 5)))
    remembered = Remembered(tmp_path / REMEMBERED)
    remembered.folder.mkdir(exist_ok=True)
    remembered.keys_file(SIGNER.name).write_text(keys.saved(), encoding="utf-8")
    assert log.command().balance


def test_a_proof_alone_names_no_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is checked offline has no class of its account: what was counted is named."""
    file = tmp_path / "proof"
    file.write_bytes(BOOKS.parts(ANNA.bytes).encoded())
    balance(file, BOOKS.signer.vkey)
    printed = capsys.readouterr().out
    assert "credits less debits" in " ".join(printed.replace("_", " ").split())
    assert "balance" not in printed
