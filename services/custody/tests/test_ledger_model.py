"""The ledger against the model: thousands of random steps, with commits that fail, restarts, freezes and expiry."""

from __future__ import annotations

import os
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ringfence_custody.ledger.domain.digest import digest
from ringfence_custody.ledger.domain.lifecycle import AccountStatus
from ringfence_custody.ledger.domain.purposes import MINIMUM, AccountClass
from ringfence_custody.ledger.domain.result_codes import AccountFlag, CreateTransferStatus
from ringfence_custody.ledger.domain.rule_packs import compiled, rules_of

from .ledger import CLOSURE, CZK, EUR, MANDATE, Ledger, Row
from .model import ALL, Model, ModelAccount

C = AccountClass
ACCOUNTS = {
    "alice": (C.CLIENT, EUR, False),
    "bob": (C.CLIENT, EUR, False),
    "covered": (C.CLIENT, EUR, True),
    "covered 2": (C.CLIENT, EUR, True),
    "bank": (C.BANK_MIRROR, EUR, False),
    "bank 2": (C.BANK_MIRROR, EUR, False),
    "guarantee": (C.GUARANTEE, EUR, False),
    "platform": (C.PLATFORM, EUR, False),
    "fee": (C.FEE, EUR, False),
    "karel": (C.CLIENT, CZK, False),
    "suspense": (C.SUSPENSE, EUR, False),
    "shortfall": (C.SHORTFALL, EUR, False),
}
NAMES = [*ACCOUNTS, "nobody"]
IDS = [f"t{number}" for number in range(40)]
FLAGS = [0] * 12 + [1, 1, 1, 2, 2, 2, 4, 4, 8, 8, 16, 32, 48, 18, 50, 3, 5, 9, 66, 130, 64, 12, 6, 256]
AMOUNTS = [0, 1, 5, 50, 100, 1_000, 2**63 - 1, 2**63 - 1_000, ALL]

rows = st.builds(
    Row,
    id=st.sampled_from([*IDS, bytes(16), b"\xff" * 16]),
    debit=st.sampled_from([*NAMES, *["alice", "bob", "bank", ""] * 2]),
    credit=st.sampled_from([*NAMES, *["alice", "bob", "covered", ""] * 2]),
    amount=st.sampled_from(AMOUNTS),
    flags=st.sampled_from(FLAGS),
    pending_id=st.sampled_from(["", "", "", *IDS[:25]]),
    code=st.sampled_from([3, 3, 3, 1, 1, 2, 4, 8, 11, 12, 13, 14, CLOSURE, 0, 999]),
    ledger=st.sampled_from([EUR] * 8 + [CZK, 0]),
    timeout=st.sampled_from([0, 0, 0, 0, 1, 5]),
    user_data_128=st.sampled_from([MANDATE] * 6 + [bytes(16)]),
    user_data_64=st.sampled_from([0, 0, 0, 9]),
    user_data_32=st.sampled_from([0, 0, 0, 9]),
)
WAYS = [
    ("bank", "alice", 1),
    ("bank", "guarantee", 11),
    ("alice", "bob", 3),
    ("bob", "alice", 3),
    ("covered", "alice", 3),
    ("covered 2", "bob", 3),
    ("alice", "covered", 3),
    ("alice", "bank", 2),
    ("guarantee", "platform", 13),
    ("bank", "suspense", 1),
    ("shortfall", "bank", 19),
    ("alice", "shortfall", 19),
    ("suspense", "shortfall", 20),
    ("platform", "shortfall", 17),
    ("fee", "platform", 6),
    ("platform", "bank", 7),
    ("alice", "fee", 4),
]
# Rows that are likely to succeed, so that the book fills up: each has an id of its own.
likely = st.builds(
    lambda pair, amount, flags, timeout: Row(
        FRESH, *pair[:2], amount, flags, code=pair[2], timeout=timeout if flags & 2 else 0
    ),
    st.sampled_from(WAYS),
    st.sampled_from([1, 7, 40, 200]),
    st.sampled_from([0, 0, 0, 1, 2, 2, 16, 34]),
    st.sampled_from([0, 0, 1, 4]),
)
resolving = st.builds(
    lambda number, flags, amount: Row(
        FRESH, flags=flags, pending_id=f"{RESERVED}{number}", amount=amount, code=0, ledger=0
    ),
    st.integers(1, 4),
    st.sampled_from([4, 4, 8, 5, 9]),
    st.sampled_from([0, ALL, ALL, 1, 40]),
)
closing = st.builds(
    lambda debit, flags: Row(FRESH, debit, "guarantee", 0, flags, code=CLOSURE),
    st.sampled_from(["karel", "covered 2", "fee"]),
    st.sampled_from([66, 67, 130]),
)
resent = st.builds(
    lambda number, changes: (number, changes),
    st.integers(1, 12),
    st.sampled_from(
        [
            {},
            {},
            {"flags": 2},
            {"timeout": 3},
            {"debit": "bob"},
            {"credit": "fee"},
            {"amount": 1},
            {"amount": 5_000},
            {"user_data_128": bytes(16)},
            {"user_data_64": 5},
            {"user_data_32": 5},
            {"ledger": CZK},
            {"code": 8},
        ]
    ),
)
FRESH, RESERVED = "fresh", "reserved "
LEAST = rules_of(MINIMUM)
PACKS = {
    "minimum": LEAST,
    "capped": [replace(each, maximum_minor=40) if each.code in (2, 3, 13) else each for each in LEAST],
    "narrow": [replace(each, mandate_required=True) for each in LEAST if each.code in (1, 3, 8, 11, CLOSURE)],
}
"""Rules that the book adopts by turns."""
STEPS = int(os.environ.get("RINGFENCE_MODEL_STEPS", "150"))
"""Batches of each long run; examples of the machine grow with it. Set it to thousands for a night's run."""


class LedgerMachine(RuleBasedStateMachine):
    """Sends the same batches to the ledger and to the model."""

    @initialize()
    def open(self) -> None:
        """Opens the accounts."""
        self.ledger, self.model = Ledger(), Model()
        for name, (account_class, ledger, covered) in ACCOUNTS.items():
            flags = int(AccountFlag.OVERDRAFT_COVERED) if covered else 0
            assert self.ledger.account(name, account_class, flags=flags, ledger=ledger) == "created"
            self.model.accounts[name] = ModelAccount(account_class, ledger, covered)
        self.committed = self.model.copy()
        self.sent: list[Row] = []
        self.reserved: list[str | bytes] = []
        self.undecided: list[tuple[int, int, int]] = []

    def named(self, drawn: Row | tuple[int, dict[str, Any]]) -> Row:
        """Returns the row to send: with an id of its own, a recent reservation, or a row sent before, changed."""
        if isinstance(drawn, tuple):
            back, changes = drawn
            row = self.sent[-back] if back <= len(self.sent) else Row(FRESH)
            row = replace(row, **changes)
        else:
            row = drawn
        if row.id == FRESH:
            row = replace(row, id=f"n{len(self.sent)}")
        if isinstance(row.pending_id, str) and row.pending_id.startswith(RESERVED):
            back = int(row.pending_id.removeprefix(RESERVED))
            row = replace(row, pending_id=self.reserved[-back] if back <= len(self.reserved) else "nothing")
        if row.flags & 2 and isinstance(row.id, str):
            self.reserved.append(row.id)
        self.sent.append(row)
        return row

    @rule(
        drawn=st.lists(
            st.one_of(likely, likely, likely, resolving, resolving, rows, resent, closing), min_size=1, max_size=8
        )
    )
    def decide(self, drawn: list[Row | tuple[int, dict[str, Any]]]) -> None:
        """Decides a batch, without committing it."""
        book, batch = self.ledger.book, [self.named(each) for each in drawn]
        self.undecided.append((len(book.open), len(book.open.burnt), book.last_timestamp))
        outcome = self.ledger.decide(*batch)
        expected = self.model.send(batch, max(self.ledger.now_ns, self.undecided[-1][2] + 1))
        assert [CreateTransferStatus(code).name.lower() for code in outcome.status] == expected
        self.ledger.advance(0.25)

    @rule()
    def commit(self) -> None:
        """Commits what was decided."""
        self.ledger.commit()
        self.committed, self.undecided = self.model.copy(), []

    @precondition(lambda self: self.undecided)
    @rule(sealed=st.booleans())
    def fail(self, sealed: bool) -> None:
        """Loses the commit: memory goes back to the last one."""
        book = self.ledger.book
        if sealed and book.seal() is not None:
            book.unseal()
        for mark in reversed(self.undecided):
            book.undo(*mark)
        self.model, self.undecided = self.committed.copy(), []

    @rule(name=st.sampled_from(list(ACCOUNTS)), frozen=st.booleans())
    def freeze(self, name: str, frozen: bool) -> None:
        """Freezes or releases an account."""
        self.commit()
        self.ledger.freeze(name) if frozen else self.ledger.release(name)
        self.model.accounts[name].frozen = frozen
        self.committed = self.model.copy()

    @rule(name=st.sampled_from(["alice", "covered", "platform"]), restricted=st.booleans())
    def restrict(self, name: str, restricted: bool) -> None:
        """Restricts an account by decision, or makes it active again, unless an order holds it."""
        self.commit()
        if not self.model.accounts[name].frozen:
            self.ledger.set_status(AccountStatus.RESTRICTED if restricted else AccountStatus.ACTIVE, name)
            self.model.accounts[name].restricted = restricted
        self.committed = self.model.copy()

    @rule(pack=st.sampled_from(list(PACKS)))
    def adopt(self, pack: str) -> None:
        """Puts other rules in force."""
        self.commit()
        self.ledger.adopt(pack, *PACKS[pack])
        self.model.purposes = compiled(pack, PACKS[pack]).purposes
        self.committed = self.model.copy()

    @rule(seconds=st.sampled_from([1, 3]))
    def expire(self, seconds: int) -> None:
        """Lets time pass and commits what expires."""
        self.commit()
        self.ledger.advance(seconds)
        self.ledger.expire()
        self.model.expire(self.ledger.now_ns)
        self.committed = self.model.copy()

    @rule()
    def restart(self) -> None:
        """Builds the book from its events: it is the same book, and goes on from there."""
        self.commit()
        rebuilt = self.ledger.replayed()
        assert digest(rebuilt) == digest(self.ledger.book)
        rebuilt.last_timestamp = self.ledger.book.last_timestamp
        self.ledger.book = rebuilt

    @invariant()
    def same(self) -> None:
        """Balances are those of the model, debits equal credits, and clients' money is covered."""
        for name, account in self.model.accounts.items():
            assert self.ledger.balances(name) == (
                account.debits_pending,
                account.debits_posted,
                account.credits_pending,
                account.credits_posted,
            )
        self.ledger.book.totals.check()


LedgerMachine.TestCase.settings = settings(
    max_examples=max(60, STEPS * 2 // 5),
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestLedgerAgainstModel = LedgerMachine.TestCase


def _random_row(random: Random) -> Row | tuple[int, dict[str, Any]]:
    kind = random.random()
    if kind < 0.15:
        return random.randint(1, 12), {"flags": 2, "amount": 3} if random.random() < 0.1 else {}
    if kind < 0.4:
        flags, amount = random.choice([4, 4, 8, 8, 5]), random.choice([0, 0, ALL, 1, 3])
        pending = f"{RESERVED}{random.randint(1, 4)}"
        return Row(FRESH, flags=flags, pending_id=pending, amount=amount, code=0, ledger=0)
    debit, credit, code = random.choice(WAYS)
    flags = random.choice([0, 0, 0, 0, 1, 2, 2, 2, 16, 18])
    amount, timeout = random.choice([1, 7, 40]), random.choice([0, 0, 1, 4]) if flags & 2 else 0
    return Row(FRESH, debit, credit, amount, flags, code=code, timeout=timeout)


@pytest.mark.parametrize("seed", range(4))
def test_a_long_run_agrees_with_the_model(seed: int) -> None:
    """A book that fills up with thousands of transfers stays the model's, through failed commits and restarts."""
    random = Random(seed)
    machine = LedgerMachine()
    machine.open()
    for _ in range(STEPS):
        machine.decide([_random_row(random) for _ in range(random.randint(1, 24))])
        step = random.random()
        if step < 0.3:
            machine.commit()
        elif step < 0.4 and machine.undecided:
            machine.fail(random.random() < 0.5)
        elif step < 0.45:
            machine.expire(random.choice([1, 3]))
        elif step < 0.5:
            machine.restart()
        elif step < 0.55:
            machine.freeze(random.choice(["alice", "covered"]), random.random() < 0.4)
        elif step < 0.6:
            machine.restrict(random.choice(["alice", "covered"]), random.random() < 0.4)
        elif step < 0.64:
            machine.adopt(random.choice(list(PACKS)))
        machine.same()
    assert len(machine.model.transfers) > 200
