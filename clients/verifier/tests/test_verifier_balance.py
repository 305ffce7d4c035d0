"""Balances under the books of a log: what is shown is what the books have, and nothing else is accepted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from hashlib import sha256

import pytest
from ringfence_verifier import BalanceRefused, Balances, KeySuccession, Policy, verify_balance

from .balances import PLATFORM, Bookkeeping, account, between
from .mutations.balances import REASONS, SIZES, changed, judged, kept
from .notes import Signer, base64

MUTATIONS = 1_200


@pytest.mark.parametrize("size", SIZES)
def test_an_account_has_what_its_record_says(size: int) -> None:
    """The first and the last of each page; with a key, or all that the log was followed to."""
    books = kept(size)
    for number in {0, size // 2, min(63, size - 1), min(64, size - 1), size - 1}:
        proof = books.parts(account(number)).encoded()
        found = verify_balance(proof, books.signer.vkey)
        assert found.balances == Balances(*books.sums(number))
        assert found.balances.balance == (1 << 63) - number - 7
        assert (found.tenant_id, found.ledger, found.accounts) == (PLATFORM, 978, size)
        assert (found.index, found.closing, found.is_same, found.is_covered) == (4, 2, True, True)
        assert verify_balance(proof, KeySuccession.of(books.signer.vkey)) == found


@pytest.mark.parametrize("size", [*SIZES, 0])
def test_an_account_that_there_is_not_is_proven_to_have_none(size: int) -> None:
    """Before the first, between two, between two pages, after the last; and in books without any."""
    books = Bookkeeping(size)
    wanted = [between(each) for each in {1, 63, 64, 65, size // 2, size} if 0 < each <= size]
    for each in (*wanted, b"\x00" * 15 + b"\x01" if size == 0 else b"\xff" * 16):
        assert verify_balance(books.parts(each).encoded(), books.signer.vkey).balances is None


def test_books_without_accounts_have_one_root() -> None:
    """And nothing else is taken for it."""
    other = Bookkeeping(0, stated=(("balances_root", bytes(32)),))
    with pytest.raises(BalanceRefused, match="PAGES_NOT_PROVEN"):
        verify_balance(other.parts(account(0)).encoded(), other.signer.vkey)


def test_changes_are_refused_each_by_its_name() -> None:
    """What is accepted of changed proofs is what is due; every reason that a proof can be refused for occurs."""
    found = Counter(judged(changed(number)) for number in range(MUTATIONS))
    assert found.keys() == REASONS | {"accepted"}
    assert found["accepted"] < MUTATIONS / 3


def test_keys_and_witnesses_are_the_callers() -> None:
    """Another key, another log, a policy that nobody has met: each by its name."""
    books = kept(65)
    proof = books.parts(account(3)).encoded()
    public = Signer(seed=b"\x02" * 32).public[1:]
    named = "w.example/w+" + sha256(b"w.example/w\n\x04" + public).hexdigest()[:8]
    cosigner = f"{named}+{base64(bytes([4]) + public)}"
    policy = Policy.parse(f"log {books.signer.vkey}\nwitness w {cosigner}\nquorum w\n".encode())
    for given, reason in (
        ({"key": "nonsense"}, "KEY_REFUSED"),
        ({"key": Signer(seed=b"\x01" * 32).vkey}, "RECEIPT_REFUSED"),
        ({"key": books.signer.vkey, "origin": "other.example/log"}, "RECEIPT_REFUSED"),
        ({"key": books.signer.vkey, "policy": policy}, "QUORUM_MISSING"),
    ):
        with pytest.raises(BalanceRefused) as refused:
            verify_balance(proof, **given)  # type: ignore[arg-type] # by names
        assert refused.value.reason == reason
    broken = replace(books.parts(account(3)), receipt=b"\xff")
    with pytest.raises(BalanceRefused, match="UTF-8"):
        verify_balance(broken.encoded(), books.signer.vkey)
