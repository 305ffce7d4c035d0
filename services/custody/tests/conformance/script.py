"""Cases as tables: accounts before, batches of transfers with their results, balances after.

A case begins with `== title`. Its lines are, in order of what happens:

    accounts  alice 1000, bob, karel CZK        opens accounts, and funds them from `bank`, which is always there
    t1   alice > bob   100   pending timeout=5  | created            a transfer: id, accounts, amount, options, result
    p1   post t1        40                      | created            a post or void: id, pending transfer, amount
    later                                       ends the batch; what follows is another one
    wait 5        expire        freeze bob        release bob        restart
    alice   5 40 / 0 1000                       debits pending, posted / credits pending, posted

`all` is the maximum amount, `max` the largest sum, `max9` 9 less. Transfers between clients are payments, to a bank
withdrawals, from a bank deposits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ringfence_custody.ledger.domain.digest import digest
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.result_codes import AMOUNT_MAX, AccountFlag, CreateTransferStatus, TransferFlag

from ..ledger import CALL, CLOSURE, CZK, DEPOSIT, EUR, FEE, FUNDING, GRANT, PAYMENT, WITHDRAWAL, Ledger, Row, id_of

MAX = 2**63 - 1
SWEEP = 15
LEDGERS = {"EUR": EUR, "CZK": CZK, "0": 0}
CLASSES = {"bank": AccountClass.BANK_MIRROR, "fees": AccountClass.FEE, "guarantee": AccountClass.GUARANTEE}
CODES = {
    "payment": PAYMENT, "deposit": DEPOSIT, "withdrawal": WITHDRAWAL, "fee": FEE, "grant": GRANT, "funding": FUNDING,
    "call": CALL, "closure": CLOSURE, "0": 0,
}  # fmt: skip
MODES = ("a commit for all batches", "a commit for each batch", "a restart after each batch", "among plain rows")
PLAIN_ROWS = 12
"""So many rows that are sure to pass are sent before those of a batch in the last mode: they pass all at once."""
BALANCE = re.compile(r"(\w+) +(\d+) (\d+) / (\d+) (\d+)")
TRANSFER = re.compile(r"(\w+) +(?:(\w+) > (\w+)|(post|void) (\w+)) +(\S+)(.*)\| (\w+)")


@dataclass
class Case:
    """A case: what it shows, and its lines."""

    title: str
    lines: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return self.title


def cases(text: str) -> list[Case]:
    """Returns the cases of a table."""
    found: list[Case] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("== "):
            found.append(Case(line.removeprefix("== ")))
        else:
            found[-1].lines.append(line)
    return found


def results_in(text: str) -> set[str]:
    """Returns the results that the rows of a table have."""
    return set(re.findall(r"\| (\w+)$", text, re.MULTILINE))


@dataclass
class Run:
    """A case being played, in one of the modes."""

    mode: str
    ledger: Ledger = field(default_factory=Ledger)
    rows: list[Row] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def play(self, case: Case) -> None:
        """Plays a case; raises AssertionError where a result or a balance is another."""
        for name in ("bank", "other bank"):
            self.ledger.account(name, AccountClass.BANK_MIRROR)
        for line in case.lines:
            if transfer := TRANSFER.fullmatch(line):
                self.rows.append(row_of(*transfer.groups()[:-1]))
                self.expected.append(transfer[8])
                continue
            self.end_batch(case)
            if balance := BALANCE.fullmatch(line):
                assert self.ledger.balances(balance[1]) == tuple(map(int, balance.groups()[1:])), f"{case}: {line}"
                continue
            verb, _, rest = line.partition(" ")
            VERBS[verb](self, rest.strip())
        self.end_batch(case)
        self.ledger.commit()
        rebuilt = self.ledger.replayed()
        assert digest(rebuilt) == digest(self.ledger.book)
        rebuilt.totals.check()

    def end_batch(self, case: Case) -> None:
        """Sends the rows so far as one batch, and commits or restarts as the mode has it."""
        if not self.rows:
            return
        plain = self._plain_rows()
        status = self.ledger.decide(*plain, *self.rows).status
        assert not any(status[: len(plain)])
        results = [CreateTransferStatus(code).name.lower() for code in status[len(plain) :]]
        assert list(zip(self._ids(), results, strict=True)) == list(zip(self._ids(), self.expected, strict=True)), case
        self.rows, self.expected = [], []
        if self.mode != MODES[0]:
            self.ledger.commit()
        if self.mode == MODES[2]:
            self.restart("")

    def _plain_rows(self) -> list[Row]:
        if self.mode != MODES[3]:
            return []
        number = self.ledger.book.last_timestamp
        names = [f"plain {number} {row}" for row in range(PLAIN_ROWS)]
        return [Row(name, "bank", "other bank", 0, code=SWEEP) for name in names]

    def _ids(self) -> Iterator[str | bytes]:
        return (row.id for row in self.rows)

    def accounts(self, text: str) -> None:
        """Opens accounts: a name, and an amount, a currency, a kind or a flag of the account."""
        for name, *words in (each.split() for each in text.split(",")):
            ledger = next((LEDGERS[word] for word in words if word in LEDGERS), EUR)
            account_class = next((CLASSES[word] for word in (*words, name) if word in CLASSES), AccountClass.CLIENT)
            flags = sum(AccountFlag[word.upper()] for word in words if word.upper() in AccountFlag.__members__)
            assert self.ledger.account(name, account_class, ledger=ledger, flags=flags) == "created"
            for amount in filter(str.isdigit, words):
                code = FUNDING if account_class is AccountClass.GUARANTEE else DEPOSIT
                row = Row(f"funding {name}", "bank", name, int(amount), code=code, ledger=ledger)
                assert self.ledger.send(row) == ["created"]

    def wait(self, seconds: str) -> None:
        """Lets time pass."""
        self.ledger.advance(float(seconds))

    def restart(self, _: str) -> None:
        """Goes on with a book built from events alone."""
        self.ledger.commit()
        rebuilt = self.ledger.replayed()
        rebuilt.last_timestamp = self.ledger.book.last_timestamp
        self.ledger.book = rebuilt


VERBS: dict[str, Callable[[Run, str], Any]] = {
    "accounts": Run.accounts,
    "later": lambda run, _: None,
    "wait": Run.wait,
    "expire": lambda run, _: run.ledger.expire(),
    "freeze": lambda run, name: run.ledger.freeze(name),
    "release": lambda run, name: run.ledger.release(name),
    "restart": Run.restart,
}


def amount_of(text: str) -> int:
    """Returns an amount: a number, `all`, or the largest sum, less a number."""
    if text == "all":
        return AMOUNT_MAX
    return MAX - int(text.removeprefix("max") or "0") if text.startswith("max") else int(text)


def row_of(
    identifier: str, debit: str | None, credit: str | None, verb: str | None, pending: str | None, *rest: str
) -> Row:
    """Returns the row that a line of a table stands for."""
    amount, options = amount_of(rest[0]), rest[1].split()
    values: dict[str, Any] = {"debit": debit or "", "credit": credit or "", "amount": amount, "code": PAYMENT}
    flags = 0
    if verb:
        flags |= TransferFlag[f"{verb.upper()}_PENDING_TRANSFER"]
        values |= {"pending_id": pending, "code": 0, "ledger": 0}
    elif credit == "bank":
        values["code"] = WITHDRAWAL
    elif debit == "bank":
        values["code"] = DEPOSIT
    for option in options:
        name, _, value = option.partition("=")
        if not value:
            flags |= TransferFlag[name.upper()]
        elif name == "flags":
            flags |= int(value)
        elif name == "user_data_128":
            values[name] = id_of(value) if value != "0" else bytes(16)
        else:
            names = {"code": CODES, "ledger": LEDGERS}.get(name, {})
            values[name] = (
                names[value] if value in names else value if name in ("pending_id", "debit", "credit") else int(value)
            )
    return Row(identifier, flags=int(flags), **values)
