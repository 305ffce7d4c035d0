"""Rows that pass at once and rows decided one by one: the same verdicts, the same books."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from ringfence_custody.ledger.domain import incoming
from ringfence_custody.ledger.domain.create_transfers import decide_batches, decide_transfers
from ringfence_custody.ledger.domain.digest import digest
from ringfence_custody.ledger.domain.outright import LARGE
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.result_codes import AMOUNT_MAX, TransferFlag

from .ledger import CZK, DEPOSIT, EUR, FUNDING, GRANT, IMPORTER, MANDATE, PAYMENT, WITHDRAWAL, Ledger, Row, columns_of

F = TransferFlag
ALLOCATION = 9
CLIENTS = [f"client {number}" for number in range(8)]
WAYS = [(PAYMENT, "client", "client")] * 6 + [
    (DEPOSIT, "bank", "client"),
    (WITHDRAWAL, "client", "bank"),
    (GRANT, "platform", "client"),
    (DEPOSIT, "client", "client"),
    (999, "client", "client"),
]


def opened(random: Random) -> Ledger:
    """Returns a book of clients with little money: some limited, one covered by a guarantee, one frozen."""
    ledger = Ledger()
    for name in CLIENTS:
        ledger.account(name, flags=256 if name == "client 7" else 0)
    ledger.account("platform", AccountClass.PLATFORM)
    ledger.account("guarantee", AccountClass.GUARANTEE)
    ledger.account("bank 978", AccountClass.BANK_MIRROR)
    ledger.account("karel", ledger=CZK)
    for name in [*CLIENTS[:6], "platform"]:
        ledger.fund(name, random.choice([200, 5_000, 100_000]))
    assert ledger.send(Row("g", "bank 978", "guarantee", 300, code=FUNDING)) == ["created"]
    ledger.freeze("client 5")
    return ledger


def row(random: Random, number: int, ids: list[str]) -> Row:
    """Returns a transfer that is plain more often than not."""
    code, debit, credit = random.choice(WAYS)
    names = {"client": random.sample(CLIENTS, 2), "bank": ["bank 978"] * 2, "platform": ["platform"] * 2}
    name = random.choice(ids) if ids and random.random() < 0.03 else f"t{number}"
    amount = random.choice([0, 1, 1, 5, 5, 20, 60])
    made = Row(name, names[debit][0], names[credit][1], amount, code=code)
    odd = random.random()
    if odd < 0.75:
        return made
    flags = random.choice([F.PENDING, F.LINKED, F.BALANCING_DEBIT, F.POST_PENDING_TRANSFER, F.POST_PENDING_TRANSFER])
    if flags == F.POST_PENDING_TRANSFER:
        kind = random.choice([flags, F.VOID_PENDING_TRANSFER])
        return Row(
            name,
            amount=random.choice([0, 1, AMOUNT_MAX]),
            flags=int(kind),
            pending_id=random.choice(ids or ["none"]),
            code=0,
            ledger=0,
        )
    if odd < 0.95:
        amount = AMOUNT_MAX if flags == F.BALANCING_DEBIT and random.random() < 0.5 else amount
        return Row(name, made.debit, made.credit, amount, int(flags), code=code)
    return random.choice(
        [
            Row(name, made.debit, made.credit, 1, int(F.PENDING | F.CLOSING_CREDIT), code=code),
            Row(name, made.debit, made.credit, LARGE, code=code),
            Row(name, made.debit, made.credit, 2**63 - 1, code=code),
            Row(name, made.debit, "nobody", 1),
            Row(name, made.debit, made.debit, 1),
            Row(name, made.debit, made.credit, 1, pending_id="t1"),
            Row(name, made.debit, made.credit, 1, timeout=1),
            Row(name, made.debit, made.credit, 1, code=0),
            Row(name, made.debit, made.credit, 1, ledger=CZK),
            Row(bytes(16), made.debit, made.credit, 1),
            Row(name, "karel", made.credit, 1, ledger=CZK),
            Row(name, made.debit, made.credit, 1, user_data_128=bytes(16)),
            Row(name, made.debit, made.credit, 1, ledger=EUR, user_data_128=MANDATE, code=GRANT),
        ]
    )


@pytest.mark.parametrize("seed", range(25))
def test_rows_passed_at_once_are_those_that_pass_one_by_one(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Statuses, times, events and books do not depend on whether a batch is looked at as a whole."""
    together, singly = opened(Random(seed)), opened(Random(seed))
    random, ids, passed = Random(seed), [], 0
    for batch in range(30):
        rows = [row(random, batch * 100 + number, ids) for number in range(random.choice([9, 20, 60]))]
        if batch % 3 == 0:
            # Without posts and voids, reservations pass at once as well.
            rows = [
                replace(each, pending_id="", flags=F.PENDING, timeout=random.choice([0, 0, 5]))
                if each.flags & 12
                else each
                for each in rows
            ]
        ids = [*ids, *(str(each.id) for each in rows)][-150:]
        monkeypatch.setattr(incoming, "FEW", 10_000)
        expected = singly.decide(*rows)
        monkeypatch.setattr(incoming, "FEW", 0)
        outcome = together.decide(*rows)
        assert list(outcome.status) == list(expected.status)
        assert list(outcome.timestamp_ns) == list(expected.timestamp_ns)
        passed += outcome.status.count(0)
        if random.random() < 0.2:
            for ledger in (together, singly):
                ledger.book.undo(0, 0, ledger.book.last_timestamp)
        for ledger in (together, singly):
            ledger.commit()
            ledger.advance(1)
            if batch % 7 == 6:
                ledger.advance(5)
                ledger.expire()
        assert digest(together.book) == digest(singly.book)
        together.book.totals.check()
    assert passed > 100
    assert together.events == singly.events
    assert digest(together.replayed()) == digest(together.book)


@pytest.mark.parametrize("seed", range(10))
def test_batches_decided_in_one_go_are_those_decided_one_after_the_other(seed: int) -> None:
    """Chains end with their batch, and a resent id finds the first one in a batch before."""
    together, singly = opened(Random(seed)), opened(Random(seed))
    random, ids = Random(seed), []
    for round_ in range(20):
        batches = []
        for batch in range(random.choice([2, 5, 20])):
            rows = [
                row(random, round_ * 1_000 + batch * 20 + number, ids) for number in range(random.choice([1, 1, 5, 12]))
            ]
            ids = [*ids, *(str(each.id) for each in rows)][-150:]
            batches.append(columns_of(rows))
        outcomes = decide_batches(together.book, batches, together.now_ns, authority=IMPORTER)
        expected = [decide_transfers(singly.book, columns, singly.now_ns, authority=IMPORTER) for columns in batches]
        assert [each.status for each in outcomes] == [each.status for each in expected]
        assert [list(each.timestamp_ns) for each in outcomes] == [list(each.timestamp_ns) for each in expected]
        for ledger in (together, singly):
            ledger.commit()
            ledger.advance(1)
        assert digest(together.book) == digest(singly.book)
    assert together.events == singly.events


def test_a_batch_that_cannot_be_finished_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a committed batch cannot be read while a batch is decided, what passed at once is taken back too."""
    ledger = opened(Random(1))
    assert ledger.send(Row("known", "client 0", "client 1", 1)) == ["created"]
    before = digest(ledger.book)

    def broken(number: int) -> None:
        raise ConnectionError

    monkeypatch.setattr(ledger, "load", broken)
    rows = [Row(f"r{number}", "client 0", "client 1", 1) for number in range(20)]
    with pytest.raises(ConnectionError):
        ledger.decide(*rows, Row("known", "client 0", "client 1", 1))
    monkeypatch.undo()
    assert digest(ledger.book) == before
    assert len(ledger.book.open) == 0
    ledger.book.totals.check()


def test_totals_are_right_when_the_first_batch_after_a_restart_passes_at_once() -> None:
    """Totals that were not counted since a replay do not have the first batch twice."""
    ledger = Ledger()
    ledger.account("alice")
    ledger.account("suspense", AccountClass.SUSPENSE)
    ledger.account("bank 978", AccountClass.BANK_MIRROR)
    assert ledger.send(Row("arrival", "bank 978", "suspense", 100, code=DEPOSIT)) == ["created"]
    ledger.book = ledger.replayed()
    allocated = [Row(f"r{number}", "suspense", "alice", 6, code=ALLOCATION) for number in range(10)]
    assert ledger.send(*allocated) == ["created"] * 10
    kept = dict(ledger.book.totals.net)
    ledger.book.count_anew()
    assert ledger.book.totals.net == kept
