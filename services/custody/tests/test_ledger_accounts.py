"""Batches of accounts against the model: thousands of random steps, with failing commits, restarts, KYC and orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from random import Random
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ringfence_custody.ledger.domain.apply import apply
from ringfence_custody.ledger.domain.columns import AccountColumns
from ringfence_custody.ledger.domain.create_accounts import decide_accounts
from ringfence_custody.ledger.domain.digest import digest
from ringfence_custody.ledger.domain.lifecycle import Standing
from ringfence_custody.ledger.domain.result_codes import CLOSING_DEBIT, PENDING, VOID, CreateAccountStatus
from ringfence_kernel.values.ids import MAX_ID

from .accounts_model import CLOSED, LINKED, AccountsModel, Asked
from .ledger import CLOSURE, CZK, EUR, OWNER, Ledger, Row, id_of
from .test_ledger_model import STEPS

ZERO = bytes(16)
OTHER_OWNER, BOTH = b"another owner...", 2**64 - 1
FRESH = "fresh"
CHOICES: dict[str, list[Any]] = {
    "id": [FRESH] * 6 + [*"ABCDE", ZERO, MAX_ID],
    "owner": [OWNER] * 4 + [OTHER_OWNER] * 2 + [ZERO],
    "account_class": [1] * 6 + [2, 3, 3, 4, 5, 6, 0, 7, 300],
    "ledger": [EUR] * 8 + [CZK, CZK, 0, 1],
    "code": [1] * 8 + [2, 65_535, 0],
    "flags": [0] * 8 + [1, 1, 1, 1, 2, 4, 8, 9, 32, 256, 257, 258, 6, 3, 5, 16, 64, 512],
    "user_data_128": [ZERO] * 6 + [OWNER, MAX_ID],
    "user_data_64": [0] * 6 + [7, BOTH],
    "user_data_32": [0] * 6 + [7, 2**32 - 1],
}
"""What the fields of a random account are drawn from; the likely values more than once."""
Drawn = Asked | tuple[int, dict[str, Any]]
"""A row, or one sent before by how long ago, with changes."""
likely = st.builds(
    Asked,
    id=st.just(FRESH),
    account_class=st.sampled_from([1, 1, 1, 2, 3]),
    flags=st.sampled_from([0, 0, 0, LINKED, LINKED]),
)
anything = st.builds(Asked, **{name: st.sampled_from(values) for name, values in CHOICES.items()})
resent = st.tuples(
    st.integers(1, 12),
    st.one_of(
        st.just({}),
        *(st.fixed_dictionaries({name: st.sampled_from(CHOICES[name])}) for name in CHOICES if name != "id"),
    ),
)


def columns_of(rows: Sequence[Asked], *, shared: bool) -> AccountColumns:
    """Returns rows as columns; `shared` leaves out and shortens those in which every row has the same."""
    columns: dict[str, Any] = {"id": b"".join(id_of(row.id) for row in rows)}
    for each in fields(Asked)[1:]:
        values = [getattr(row, each.name) for row in rows]
        if shared and len(set(values)) == 1:
            values = values[:1] if values[0] not in (0, ZERO) else []
        name = "owner_id" if each.name == "owner" else each.name
        columns[name] = b"".join(values) if each.name in ("owner", "user_data_128") else values
    return AccountColumns(**columns)


class AccountsMachine(RuleBasedStateMachine):
    """Sends the same batches to the ledger and to the model."""

    @initialize()
    def open(self) -> None:
        """Begins with an empty book that knows one owner."""
        self.ledger, self.model = Ledger(), AccountsModel()
        self.model.learn(OWNER, Standing.ADMITTED)
        self.committed = self.model.copy()
        self.sent: list[Asked] = []
        self.uncommitted: list[Any] = []
        self.closings: list[tuple[str, bytes]] = []
        self.answered: set[str] = set()

    def named(self, drawn: Drawn) -> Asked:
        """Returns the row to send: with an id of its own, or a row sent before, changed."""
        if isinstance(drawn, tuple):
            back, changes = drawn
            drawn = replace(self.sent[-back] if back <= len(self.sent) else Asked(FRESH), **changes)
        row = replace(drawn, id=f"n{len(self.sent)}") if drawn.id == FRESH else drawn
        self.sent.append(row)
        return row

    @rule(
        drawn=st.lists(st.one_of(likely, likely, anything, resent, resent), min_size=1, max_size=8),
        shared=st.booleans(),
    )
    def decide(self, drawn: list[Drawn], shared: bool) -> None:
        """Decides a batch, and has the book take it in before it is committed, as a group of commands does."""
        batch, book = [self.named(each) for each in drawn], self.ledger.book
        columns = columns_of(batch, shared=shared)
        columns.check()
        base = max(self.ledger.now_ns, book.last_timestamp + 1)
        event, statuses, times = decide_accounts(book, columns, self.ledger.now_ns)
        names = [CreateAccountStatus(code).name.lower() for code in statuses]
        assert list(zip(names, times, strict=True)) == self.model.send(batch, base)
        self.answered.update(names)
        if event is not None:
            apply(book, event, self.ledger.journal)
            self.uncommitted.append(event)
        self.ledger.advance(0.25)

    @rule()
    def commit(self) -> None:
        """Commits what was decided."""
        self.ledger.commit()
        self.ledger.events += self.uncommitted
        self.ledger.journal.clear()
        self.committed, self.uncommitted = self.model.copy(), []

    @precondition(lambda self: self.uncommitted)
    @rule()
    def fail(self) -> None:
        """Loses the commit: memory goes back to the last one."""
        self.ledger.journal.rollback()
        self.model, self.uncommitted = self.committed.copy(), []

    @rule(owner=st.sampled_from([OWNER, OTHER_OWNER]), standing=st.sampled_from(list(Standing)[1:]))
    def learn(self, owner: bytes, standing: Standing) -> None:
        """Takes in what identity says of an owner."""
        self.commit()
        self.ledger.standing(standing, owner)
        self.model.learn(owner, standing)
        self.committed = self.model.copy()

    @precondition(lambda self: self.model.accounts)
    @rule(number=st.integers(0, 30), frozen=st.booleans())
    def freeze(self, number: int, frozen: bool) -> None:
        """Freezes or releases an account by order."""
        self.commit()
        identifier = self.some(number)
        self.ledger.freeze(identifier) if frozen else self.ledger.release(identifier)
        self.model.hold(identifier, frozen=frozen)
        self.committed = self.model.copy()

    @precondition(lambda self: len(self.model.accounts) > 1)
    @rule(number=st.integers(0, 30), other=st.integers(0, 30))
    def close(self, number: int, other: int) -> None:
        """Closes an account by a transfer, where the ledger lets that happen: `closed` is one of its flags then."""
        self.commit()
        identifier, reference = self.some(number), f"closing {len(self.ledger.events)}"
        ledger = self.model.accounts[identifier].asked.ledger
        row = Row(reference, identifier, self.some(other), 0, PENDING | CLOSING_DEBIT, code=CLOSURE, ledger=ledger)
        if self.ledger.send(row) == ["created"]:
            assert not self.model.accounts[identifier].asked.flags & CLOSED
            self.model.close(identifier, closed=True)
            self.closings.append((reference, identifier))
        self.committed = self.model.copy()

    @precondition(lambda self: self.closings)
    @rule()
    def reopen(self) -> None:
        """Voids a closing transfer, which is always possible."""
        self.commit()
        reference, identifier = self.closings.pop()
        void = Row(f"void of {reference}", flags=VOID, pending_id=reference, code=0, ledger=0)
        assert self.ledger.send(void) == ["created"]
        self.model.close(identifier, closed=False)
        self.committed = self.model.copy()

    @rule()
    def restart(self) -> None:
        """Builds the book from its events: it is the same book, and goes on from there."""
        self.commit()
        rebuilt = self.ledger.replayed()
        assert digest(rebuilt) == digest(self.ledger.book)
        # Times that refused rows were given are in no event.
        rebuilt.last_timestamp = self.ledger.book.last_timestamp
        self.ledger.book = rebuilt

    def some(self, number: int) -> bytes:
        """Returns the id of an account that is there."""
        return list(self.model.accounts)[number % len(self.model.accounts)]

    @invariant()
    def same(self) -> None:
        """Every account is the model's, in order of creation, whoever owns it finds it, and times only grow."""
        accounts, model = self.ledger.book.accounts, self.model.accounts
        assert accounts.id[1:] == list(model)
        assert accounts.index == {identifier: number for number, identifier in enumerate(model, 1)}
        for name in ("ledger", "code", "flags", "user_data_128", "user_data_64", "user_data_32", "account_class"):
            assert getattr(accounts, name)[1:] == [getattr(each.asked, name) for each in model.values()], name
        assert accounts.owner_id[1:] == [each.asked.owner for each in model.values()]
        assert accounts.status[1:] == [each.status for each in model.values()]
        assert accounts.holds[1:] == [each.holds for each in model.values()]
        assert accounts.timestamp[1:] == [each.timestamp for each in model.values()]
        assert accounts.timestamp == sorted(set(accounts.timestamp))
        owners = {owner: owned for owner, owned in accounts.of_owner.items() if owned}
        assert owners == {
            owner: [number for number, each in enumerate(model.values(), 1) if each.asked.owner == owner]
            for owner in {each.asked.owner for each in model.values()}
        }


AccountsMachine.TestCase.settings = settings(
    max_examples=max(60, STEPS * 2 // 5),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestAccountsAgainstModel = AccountsMachine.TestCase


def _random_row(random: Random) -> Drawn:
    kind = random.random()
    if kind < 0.25:
        name = random.choice(list(CHOICES)[1:])
        return random.randint(1, 12), {name: random.choice(CHOICES[name])} if random.random() < 0.6 else {}
    if kind < 0.5:
        return Asked(**{name: random.choice(values) for name, values in CHOICES.items()})
    return Asked(FRESH, account_class=random.choice([1, 1, 2, 3]), flags=random.choice([0, 0, LINKED]))


def long_run(seed: int) -> AccountsMachine:
    """Fills up a book with accounts, through failed commits and restarts, comparing it with the model at every step."""
    random = Random(seed)
    machine = AccountsMachine()
    machine.open()
    for _ in range(STEPS):
        machine.decide([_random_row(random) for _ in range(random.randint(1, 12))], random.random() < 0.5)
        step = random.random()
        if step < 0.3:
            machine.commit()
        elif step < 0.45 and machine.uncommitted:
            machine.fail()
        elif step < 0.5:
            machine.restart()
        elif step < 0.58:
            machine.learn(random.choice([OWNER, OTHER_OWNER]), random.choice(list(Standing)[1:]))
        elif step < 0.66 and machine.model.accounts:
            machine.freeze(random.randrange(1_000), random.random() < 0.5)
        elif step < 0.8 and len(machine.model.accounts) > 1:
            machine.close(random.randrange(1_000), random.randrange(1_000))
        elif step < 0.85 and machine.closings:
            machine.reopen()
        machine.same()
    return machine


def test_long_runs_agree_with_the_model() -> None:
    """Books of hundreds of accounts stay the model's; between them every result is met, and closing transfers are."""
    runs = [long_run(seed) for seed in range(4)]
    assert all(len(run.model.accounts) > 100 for run in runs)
    assert any(run.closings for run in runs)
    assert set().union(*(run.answered for run in runs)) == {each.name.lower() for each in CreateAccountStatus}


def sent(ledger: Ledger, rows: list[Asked]) -> list[tuple[str, int]]:
    """Decides and commits a batch; returns the result and the time of each row."""
    event, statuses, times = decide_accounts(ledger.book, columns_of(rows, shared=True), ledger.now_ns)
    ledger.record(event)
    names = [CreateAccountStatus(code).name.lower() for code in statuses]
    return list(zip(names, times, strict=True))


def test_a_row_that_exists_in_its_own_chain_breaks_it() -> None:
    """What a chain has taken back was there when the row was decided; in no account is anything left of it."""
    ledger = Ledger()
    base = max(ledger.now_ns, ledger.book.last_timestamp + 1)
    chain = [Asked("A", flags=LINKED), Asked("A", flags=LINKED), Asked("B")]
    assert sent(ledger, chain) == [("linked_event_failed", 0), ("exists", base), ("linked_event_failed", 0)]
    assert not ledger.book.accounts.index


def test_a_time_is_that_of_the_creation_that_was_seen() -> None:
    """An account that is opened after the chain has nothing to do with the one that the chain took back."""
    ledger = Ledger()
    base = max(ledger.now_ns, ledger.book.last_timestamp + 1)
    rows = [Asked("A", flags=LINKED), Asked("A", flags=LINKED), Asked("B"), Asked("A")]
    assert sent(ledger, rows)[1:] == [("exists", base), ("linked_event_failed", 0), ("created", base + 3)]
