"""Batches of accounts against a small, slow, obviously right decision, and the cases that it found."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st
from ringfence_custody.ledger.domain.columns import AccountColumns
from ringfence_custody.ledger.domain.create_accounts import decide_accounts
from ringfence_custody.ledger.domain.digest import digest
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.result_codes import LINKED, CreateAccountStatus

from .ledger import EUR, OWNER, Ledger, id_of


@dataclass(frozen=True)
class Asked:
    """An account to open."""

    name: str
    is_linked: bool = False
    ledger: int = EUR
    code: int = 1
    user_data_64: int = 0


@dataclass
class Model:
    """Accounts by name, each with what was asked for and when it was opened."""

    accounts: dict[str, tuple[Asked, int]] = field(default_factory=dict)

    def send(self, rows: list[Asked], base: int) -> list[tuple[str, int]]:
        """Decides a batch, one row after the other; returns the result and the time of each."""
        results: list[tuple[str, int]] = []
        before: dict[str, tuple[Asked, int]] | None = None
        start, broken = 0, False
        for index, row in enumerate(rows):
            if row.is_linked and before is None:
                before, start = dict(self.accounts), index
            is_last = index == len(rows) - 1
            if row.is_linked and is_last:
                result = "linked_event_chain_open", 0
            elif broken:
                result = "linked_event_failed", 0
            else:
                result = self.decide(row, base + index)
            results.append(result)
            if result[0] != "created" and before is not None and not broken:
                broken, self.accounts = True, before
                results[start:index] = [("linked_event_failed", 0)] * (index - start)
            if before is not None and (not row.is_linked or is_last):
                before, broken = None, False
        return results

    def decide(self, row: Asked, now: int) -> tuple[str, int]:
        """Decides one row."""
        if row.name in self.accounts:
            stored, opened = self.accounts[row.name]
            for name, what in (
                ("is_linked", "flags"),
                ("user_data_64", "user_data_64"),
                ("ledger", "ledger"),
                ("code", "code"),
            ):
                if getattr(row, name) != getattr(stored, name):
                    return f"exists_with_different_{what}", 0
            return "exists", opened
        for wrong, name in (
            (not row.ledger, "ledger_must_not_be_zero"),
            (not row.code, "code_must_not_be_zero"),
            (row.ledger == 1, "ledger_not_a_currency"),
        ):
            if wrong:
                return name, 0
        self.accounts[row.name] = row, now
        return "created", now


def send(ledger: Ledger, rows: list[Asked]) -> list[tuple[str, int]]:
    """Decides and commits a batch; returns the result and the time of each row."""
    columns = AccountColumns(
        id=b"".join(id_of(row.name) for row in rows),
        owner_id=OWNER,
        account_class=[AccountClass.CLIENT],
        ledger=[row.ledger for row in rows],
        code=[row.code for row in rows],
        flags=[LINKED if row.is_linked else 0 for row in rows],
        user_data_64=[row.user_data_64 for row in rows],
    )
    columns.check()
    event, statuses, times = decide_accounts(ledger.book, columns, ledger.now_ns)
    ledger.record(event)
    names = [CreateAccountStatus(code).name.lower() for code in statuses]
    return list(zip(names, times, strict=True))


ROWS = st.builds(
    Asked,
    name=st.sampled_from("ABC"),
    is_linked=st.sampled_from([True, True, False]),
    ledger=st.sampled_from([EUR, EUR, EUR, EUR, 0, 1]),
    code=st.sampled_from([1, 1, 1, 1, 2, 0]),
    user_data_64=st.sampled_from([0, 0, 0, 0, 7]),
)


@given(st.lists(st.lists(ROWS, min_size=1, max_size=8), max_size=5))
def test_batches_agree_with_the_model(batches: list[list[Asked]]) -> None:
    """Results and times are the model's, and the book is what its events make."""
    ledger, model = Ledger(), Model()
    for rows in batches:
        base = max(ledger.now_ns, ledger.book.last_timestamp + 1)
        assert send(ledger, rows) == model.send(rows, base)
    assert digest(ledger.replayed()) == digest(ledger.book)
    assert {id_of(name) for name in model.accounts} == set(ledger.book.accounts.index)


def test_a_row_that_exists_in_its_own_chain_breaks_it() -> None:
    """What a chain has taken back was there when the row was decided; in no account is anything left of it."""
    ledger = Ledger()
    base = max(ledger.now_ns, ledger.book.last_timestamp + 1)
    chain = [Asked("A", is_linked=True), Asked("A", is_linked=True), Asked("B")]
    assert send(ledger, chain) == [("linked_event_failed", 0), ("exists", base), ("linked_event_failed", 0)]
    assert not ledger.book.accounts.index


def test_a_time_is_that_of_the_creation_that_was_seen() -> None:
    """An account that is opened after the chain has nothing to do with the one that the chain took back."""
    ledger = Ledger()
    base = max(ledger.now_ns, ledger.book.last_timestamp + 1)
    rows = [Asked("A", is_linked=True), Asked("A", is_linked=True), Asked("B"), Asked("A")]
    assert send(ledger, rows)[1:] == [("exists", base), ("linked_event_failed", 0), ("created", base + 3)]
