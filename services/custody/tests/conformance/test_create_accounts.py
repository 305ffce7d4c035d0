"""The published reference of create_accounts, and the custodian's codes: refusals, precedence, retries, chains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import pytest
from ringfence_custody.ledger.domain.columns import AccountColumns
from ringfence_custody.ledger.domain.create_accounts import decide_accounts
from ringfence_custody.ledger.domain.digest import digest
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.result_codes import AccountFlag, CreateAccountStatus
from ringfence_custody.ledger.domain.shortfall import shortfall_account
from ringfence_kernel.values.ids import MAX_ID

from ..ledger import CLOSURE, CZK, EUR, OWNER, Ledger, Row, id_of
from .pairs import Defect, both, neighbours
from .world import F

C, A = AccountClass, AccountFlag
LINKED = int(A.LINKED)


@dataclass(frozen=True)
class New:
    """An account to open, by name."""

    id: str | bytes = "new"
    owner: bytes = OWNER
    account_class: int = C.CLIENT
    ledger: int = EUR
    code: int = 1
    flags: int = 0
    user_data_128: bytes = bytes(16)
    user_data_64: int = 0
    user_data_32: int = 0


def columns_of(rows: Sequence[New]) -> AccountColumns:
    """Returns rows as columns."""
    return AccountColumns(
        id=b"".join(id_of(row.id) for row in rows),
        owner_id=b"".join(row.owner for row in rows),
        account_class=[row.account_class for row in rows],
        ledger=[row.ledger for row in rows],
        code=[row.code for row in rows],
        flags=[row.flags for row in rows],
        user_data_128=b"".join(row.user_data_128 for row in rows),
        user_data_64=[row.user_data_64 for row in rows],
        user_data_32=[row.user_data_32 for row in rows],
    )


def opened(*rows: New, ledger: Ledger | None = None) -> list[str]:
    """Opens accounts in a book, a fresh one unless it is given; returns the names of the results."""
    return (ledger or Ledger()).accounts(columns_of(rows))


DEFECTS = {
    "linked_event_chain_open": Defect(flags=A.LINKED),
    "reserved_flag": Defect(flags=16),
    "id_must_not_be_zero": Defect({"id": bytes(16)}),
    "id_must_not_be_int_max": Defect({"id": MAX_ID}),
    "flags_are_mutually_exclusive": Defect(flags=6),
    "ledger_must_not_be_zero": Defect({"ledger": 0}),
    "code_must_not_be_zero": Defect({"code": 0}),
    "ledger_not_a_currency": Defect({"ledger": 1}),
    "account_class_unknown": Defect({"account_class": 8}),
    "account_reserved": Defect({"id": shortfall_account(EUR)}),
    "flags_not_permitted_for_class": Defect(flags=A.CREDITS_MUST_NOT_EXCEED_DEBITS),
    "owner_id_must_not_be_zero": Defect({"owner": bytes(16)}),
}
"""In order of precedence."""
DIFFERENCES: dict[str, dict[str, Any]] = {
    "exists_with_different_flags": {"flags": int(A.HISTORY)},
    "exists_with_different_user_data_128": {"user_data_128": OWNER},
    "exists_with_different_user_data_64": {"user_data_64": 2**64 - 1},
    "exists_with_different_user_data_32": {"user_data_32": 2**32 - 1},
    "exists_with_different_ledger": {"ledger": CZK},
    "exists_with_different_code": {"code": 2},
    "exists_with_different_account_class": {"account_class": int(C.BANK_MIRROR)},
    "exists_with_different_owner_id": {"owner": bytes(16)},
    "exists": {},
}
"""In order of comparison, as changes of an account without any of them."""
NEVER_BOTH = {
    ("linked_event_failed", "linked_event_chain_open"): "the exception: an open chain is told even where it is broken",
    ("id_must_not_be_zero", "id_must_not_be_int_max"): "one field",
    ("id_must_not_be_int_max", "exists_with_different_flags"): "nothing has that id",
    ("exists_with_different_owner_id", "exists"): "different or not",
    ("exists", "flags_are_mutually_exclusive"): "no account has such flags",
}
PAIRS = [(*pair, defect) for pair, defect in both(DEFECTS)]
CHAINS = {
    "both are opened": (("a", LINKED, 1, "created"), ("b", 0, 1, "created")),
    "the last fails": (("a", LINKED, 1, "linked_event_failed"), ("b", 0, 0, "code_must_not_be_zero")),
    "the first fails": (("a", LINKED, 0, "code_must_not_be_zero"), ("b", 0, 1, "linked_event_failed")),
    "what follows is opened": (
        ("a", LINKED, 1, "linked_event_failed"),
        ("b", LINKED, 0, "code_must_not_be_zero"),
        ("c", 0, 1, "linked_event_failed"),
        ("d", 0, 1, "created"),
    ),
    "it is open at the end": (("a", LINKED, 1, "linked_event_failed"), ("b", LINKED, 1, "linked_event_chain_open")),
    "an id may be used again": (
        ("a", LINKED, 1, "linked_event_failed"),
        ("b", 0, 0, "code_must_not_be_zero"),
        ("a", 0, 1, "created"),
        ("a", 0, 1, "exists"),
    ),
    "exists breaks it": (
        ("a", 0, 1, "created"),
        ("b", LINKED, 1, "linked_event_failed"),
        ("a", 0, 1, "exists"),
    ),
}
"""Chains as (id, flags, code, result)."""


@pytest.mark.parametrize("code", DEFECTS)
def test_an_account_is_refused_by_name(code: str) -> None:
    """Every refusal has its name and leaves no account behind, and the id may be used again."""
    ledger, defect = Ledger(), DEFECTS[code]
    before = digest(ledger.book)
    bad = replace(New(), flags=int(defect.flags), **defect.fields)
    assert opened(bad, ledger=ledger) == [code]
    assert digest(ledger.book) == before
    assert opened(New(), ledger=ledger) == ["created"]


@pytest.mark.parametrize(("first", "second", "defect"), PAIRS, ids=[f"{first}, {second}" for first, second, _ in PAIRS])
def test_the_first_of_two_refusals_is_answered(first: str, second: str, defect: Defect) -> None:
    """Of two refusals that both apply the one listed first is the answer."""
    order = [code.name.lower() for code in CreateAccountStatus]
    assert order.index(first) < order.index(second)
    assert opened(replace(New(), flags=int(defect.flags), **defect.fields)) == [first]


@pytest.mark.parametrize("place", ["in the same batch", "in a later one", "after a restart"])
@pytest.mark.parametrize("code", DIFFERENCES)
def test_a_field_that_differs_is_named(code: str, place: str) -> None:
    """A resent account answers the field that differs; the same one answers exists, with the time of its creation."""
    ledger, again = Ledger(), replace(New(), **DIFFERENCES[code])
    if place == "in the same batch":
        _, status, times = decide_accounts(ledger.book, columns_of([New(), again]), ledger.now_ns)
        assert CreateAccountStatus(status[1]).name.lower() == code
        assert (times[0] == times[1]) == (code == "exists")
        return
    assert opened(New(), ledger=ledger) == ["created"]
    if place == "after a restart":
        ledger.book = ledger.replayed()
    _, status, times = decide_accounts(ledger.book, columns_of([again]), ledger.now_ns)
    assert CreateAccountStatus(status[0]).name.lower() == code
    assert times[0] == (ledger.book.accounts.timestamp[1] if code == "exists" else 0)


@pytest.mark.parametrize(("first", "second"), list(combinations([each for each in DIFFERENCES if each != "exists"], 2)))
def test_the_first_of_two_fields_that_differ_is_named(first: str, second: str) -> None:
    """Flags are compared first, then user data, ledger and code, then what is ours."""
    again = replace(New(), **{**DIFFERENCES[second], **DIFFERENCES[first]})
    assert opened(New(), again) == ["created", first]


def test_a_resent_account_is_compared_before_anything_else_is_checked() -> None:
    """A resend that could not be opened by itself still tells what differs."""
    ledger = Ledger()
    assert opened(New(), ledger=ledger) == ["created"]
    for changed, code in (
        ({"ledger": 0}, "exists_with_different_ledger"),
        ({"code": 0}, "exists_with_different_code"),
        ({"flags": 6}, "exists_with_different_flags"),
        ({"account_class": 9}, "exists_with_different_account_class"),
        ({"flags": 16}, "reserved_flag"),
    ):
        assert opened(replace(New(), **changed), ledger=ledger) == [code]  # type: ignore[arg-type]


@pytest.mark.parametrize("account_class", [each for each in C if each is not C.SHORTFALL])
def test_the_limit_of_a_class_may_be_named_or_left_out(account_class: AccountClass) -> None:
    """Both ask for the same account; the opposite limit is not permitted."""
    own, opposite = (4, 2) if account_class is C.BANK_MIRROR else (2, 4)
    row = New(account_class=account_class, owner=OWNER if account_class is C.CLIENT else bytes(16))
    assert opened(row, replace(row, flags=own)) == ["created", "exists"]
    assert opened(replace(row, flags=own), row) == ["created", "exists"]
    assert opened(replace(row, flags=opposite)) == ["flags_not_permitted_for_class"]


@pytest.mark.parametrize(
    ("flags", "account_class", "code"),
    [
        (A.HISTORY | A.CLOSED, C.CLIENT, "created"),
        (A.OVERDRAFT_COVERED, C.CLIENT, "created"),
        (A.OVERDRAFT_COVERED, C.PLATFORM, "flags_not_permitted_for_class"),
        (A.OVERDRAFT_COVERED | A.DEBITS_MUST_NOT_EXCEED_CREDITS, C.CLIENT, "flags_are_mutually_exclusive"),
        (64, C.CLIENT, "reserved_flag"),
        (512, C.CLIENT, "reserved_flag"),
    ],
)
def test_flags_of_an_account(flags: int, account_class: AccountClass, code: str) -> None:
    """Flags are taken, or refused by name."""
    assert opened(New(flags=int(flags), account_class=account_class)) == [code]


@pytest.mark.parametrize("chain", CHAINS)
def test_linked_accounts_open_together_or_not_at_all(chain: str) -> None:
    """A chain is opened as a whole, the row that broke it says why, and what follows stands by itself."""
    ledger = Ledger()
    rows = [New(id=name, flags=flags, code=code) for name, flags, code, _ in CHAINS[chain]]
    assert opened(*rows, ledger=ledger) == [result for *_, result in CHAINS[chain]]
    created = {id_of(name) for name, _, _, result in CHAINS[chain] if result == "created"}
    assert ledger.book.accounts.index.keys() == created
    assert digest(ledger.replayed()) == digest(ledger.book)


def test_a_member_of_a_chain_resent_alone_has_other_flags() -> None:
    """The linked flag is one of the account's flags."""
    ledger = Ledger()
    assert opened(New("a", flags=LINKED), New("b"), ledger=ledger) == ["created", "created"]
    assert opened(New("a"), New("b"), ledger=ledger) == ["exists_with_different_flags", "exists"]


def test_an_account_closed_since_has_other_flags() -> None:
    """A closing transfer changes the flag that a resend is compared with; voiding it changes it back."""
    ledger = Ledger()
    assert opened(New("a"), New("b"), ledger=ledger) == ["created", "created"]
    close = Row("c", "a", "b", 0, int(F.PENDING | F.CLOSING_DEBIT), code=CLOSURE)
    assert ledger.send(close) == ["created"]
    assert opened(New("a"), New("a", flags=int(A.CLOSED)), ledger=ledger) == ["exists_with_different_flags", "exists"]
    void = Row("v", flags=int(F.VOID_PENDING_TRANSFER), pending_id="c", code=0, ledger=0)
    assert ledger.send(void) == ["created"]
    assert opened(New("a"), ledger=ledger) == ["exists"]


def test_neighbours_are_tried_together_or_never_meet() -> None:
    """Every two codes next to each other have a row for which both hold, or a reason why there is none."""
    tried = {(first, second) for first, second, _ in PAIRS}
    tried |= set(combinations([code for code in DIFFERENCES if code != "exists"], 2))
    assert [pair for pair in neighbours(CreateAccountStatus) if pair not in tried | NEVER_BOTH.keys()] == []
    assert not tried & NEVER_BOTH.keys()


def test_every_code_has_a_case() -> None:
    """Every result code of accounts is answered somewhere in these tables."""
    answered = {*DEFECTS, *DIFFERENCES, *(result for chain in CHAINS.values() for *_, result in chain)}
    assert answered == {code.name.lower() for code in CreateAccountStatus}
