"""A balance at a closing, proven under the books that the log has stated: by any fold, of any account, or of none."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_audit.books.adapters import stored_folds
from ringfence_audit.books.domain.figures import balances_root
from ringfence_audit.books.domain.shown import balance, shown
from ringfence_verifier import Balances, VerificationError, verify_balance
from ringfence_verifier.combined import verify_combined
from ringfence_verifier.proofs import leaf_hash

from clients.verifier.tests.balances import Bookkeeping, account, between

from ..conftest import Audit
from ..feeds import BOOK, START_NS, SourceFeed, identifier
from .test_books_log import EUR, SECOND_NS, Compared, closed, moved, opened


@given(st.integers(1, 400), st.data())
def test_the_service_shows_the_pages_that_are_due(accounts: int, data: st.DataObject) -> None:
    """Byte for byte what docs/formats.md asks for, written by its definition; and they lead to the root."""
    books = Bookkeeping(accounts)
    edges = st.sampled_from([min(64 * each, accounts) for each in range(1, 7)])
    number = data.draw(st.integers(1, accounts) | edges)
    wanted = data.draw(st.sampled_from([account(number - 1), account(number), between(number)]))
    records = b"".join(books.pages)
    found = shown(records, wanted)
    assert balance(wanted, books.receipt, found) == books.parts(wanted).encoded()
    proven = [(found.first + at, leaf_hash(page)) for at, page in enumerate(found.pages)]
    verify_combined(proven, len(books.pages), found.hashes, balances_root(records))


async def proven(compared: Compared, name: str, at_ns: int = 0) -> tuple[Balances | None, int]:
    """Asks for books with an account, and checks the proof; gives its balances, and the index of the closing."""
    answer = await compared.ask(at_ns, identifier(name))
    found = verify_balance(answer.balance_proof, compared.audit.signer.key.text())
    assert (found.account, found.tenant_id, found.ledger) == (identifier(name), BOOK, EUR)
    return found.balances, found.closing


async def published(compared: Compared) -> None:
    """Has what is closed stated, indexed and signed."""
    await compared.audit.publish()
    await compared.look()
    await compared.audit.publish()
    await asyncio.to_thread(lambda: [None for _ in iter(compared.audit.search.step, 0)])
    await compared.audit.publish()


async def test_a_balance_is_proven_at_each_closing(
    audit: Audit, custody: SourceFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of before the closing it is the one before; who was not there is proven not to be; folds change nothing."""
    for module in ("stored_folds", "books_model"):
        monkeypatch.setattr(f"ringfence_audit.books.adapters.{module}.SPACING", 8)
    compared = Compared(audit)
    opened(custody)
    firsts, seconds = (START_NS + each * SECOND_NS for each in (50, 100))
    for number in range(2, 12):
        moved(custody, number, START_NS + number * SECOND_NS)
    await audit.follow(custody)
    assert (await asked(compared)) == b""
    closed(audit, custody, closed_ns=firsts)
    await audit.follow(custody)
    await published(compared)
    first = await proven(compared, "bob")
    assert first[0] == Balances(0, 0, 0, sum(100 + each for each in range(2, 12)))
    moved(custody, 70, START_NS + 70 * SECOND_NS)
    await audit.follow(custody)
    assert await proven(compared, "bob") == first
    closed(audit, custody, closed_ns=seconds)
    await audit.follow(custody)
    await audit.publish()
    assert await proven(compared, "bob") == first, "no leaf states the second yet"
    await published(compared)
    second = await proven(compared, "bob")
    assert second[0] == Balances(0, 0, 0, sum(100 + each for each in (*range(2, 12), 70)))
    assert await proven(compared, "bob", firsts) == first
    assert (await proven(compared, "nobody"))[0] is None
    with pytest.raises(VerificationError):
        verify_balance((await compared.ask(account=identifier("bob"))).balance_proof, "other.example+00000000+AQ==")
    assert stored_folds.SPACING == 8


async def asked(compared: Compared) -> bytes:
    """Gives the proof about an account."""
    await published(compared)
    return bytes((await compared.ask(account=identifier("bob"))).balance_proof)


async def test_a_closing_within_an_event_has_no_leaf_after_it(
    audit: Audit, custody: SourceFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaves that the log has taken over together with the closing, and after it, do not count, saved or not."""
    for module in ("stored_folds", "books_model"):
        monkeypatch.setattr(f"ringfence_audit.books.adapters.{module}.SPACING", 2)
    compared = Compared(audit)
    opened(custody)
    await audit.follow(custody)
    moved(custody, 60, START_NS + 60 * SECOND_NS)
    closed(audit, custody)
    moved(custody, 70, START_NS + 70 * SECOND_NS)
    await audit.follow(custody)
    await published(compared)
    assert (await proven(compared, "bob"))[0] == Balances(0, 0, 0, 160)
