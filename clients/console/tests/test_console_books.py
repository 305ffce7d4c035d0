"""Ids that several books have: a page shows one account, says whose it is, and leads to the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import pytest
from ringfence_console import ports
from ringfence_desk.fact import Fact, Value
from ringfence_desk.names import Names

from clients.console.tests.conftest import Opened
from clients.console.tests.example import ExampleFacts, ExampleReading, account

FIRST, SECOND = UUID(int=0xFACE), UUID(int=0xBEEF)
MIRROR, OWED = UUID(int=0xA0), UUID(int=0xA1)
CALLED = {FIRST: "lantern-lending", SECOND: "tidepool-wallet"}
MINOR = {FIRST: 300_11, SECOND: 70_22}


def two_books() -> list[Fact]:
    """Gives both platforms' accounts and what each owes; all ids are the same, that of its transfer too."""
    facts = list[Fact]()

    def add(kind: str, platform: UUID, stated: dict[str, Value]) -> None:
        place = len(facts)
        header: dict[str, Value] = {"tenant_id": platform.bytes, "ledger": 978, "position": place, "time_ns": place}
        facts.append(Fact(place, kind, {**header, **stated}))

    for platform in (FIRST, SECOND):
        for opened, account_class in ((MIRROR, "BANK_MIRROR"), (OWED, "SHORTFALL")):
            add("custody.account.v1", platform, {"account_id": opened.bytes, "account_class": account_class})
    for platform, minor in MINOR.items():
        sides: dict[str, Value] = {"debit_account_id": OWED.bytes, "credit_account_id": MIRROR.bytes, "code": 21}
        identifier = UUID(int=0xB0).bytes
        add("custody.transfer.v1", platform, {**sides, "transfer_id": identifier, "amount_minor": minor, "flags": 0})
    return facts


@dataclass
class Reading(ExampleReading):
    """Answers from both books."""

    def facts_of(self, identifier: UUID) -> Sequence[Fact]:
        """Gives all facts with an id, of whichever platform."""
        return [fact for fact in two_books() if identifier.bytes in fact.fields.values()]


class TwoBooks(ExampleFacts):
    """A log of two platforms, to a reader of both."""

    def reading(self, view: ports.View) -> Reading:
        """Begins to ask."""
        return Reading(self)

    def names(self) -> Names:
        """Knows the platforms."""
        registered = [
            Fact(place, "identity.principal_registered.v1", {"principal_id": each.bytes}, {"name": name})
            for place, (each, name) in enumerate(CALLED.items())
        ]
        return Names.of([*two_books(), *registered])


@pytest.fixture
def books() -> Opened:
    """A console of that log."""
    opened = Opened(TwoBooks())
    opened.enter()
    return opened


@pytest.mark.parametrize("page", [f"/account/{OWED}", f"/trace/{UUID(int=0xB0)}", f"/trace/{MIRROR}"])
def test_a_page_is_of_one_book(books: Opened, page: str) -> None:
    """The money of one platform, never the sum; without a choice that of the book that was first, and it says so."""
    shown = {platform: books.ask(f"{page}?of={platform}").text for platform in (FIRST, SECOND)}
    assert ("300.11" in shown[FIRST], "70.22" in shown[FIRST]) == (True, False)
    assert ("300.11" in shown[SECOND], "70.22" in shown[SECOND]) == (False, True)
    assert "370.33" not in "".join(shown.values())
    assert f'<b><bdi>lantern-lending</bdi></b> · <a href="{page}?of={SECOND}">' in shown[FIRST]
    assert f'<input type="hidden" name="of" value="{SECOND}">' in shown[SECOND]
    assert "safeguarding account · tidepool-wallet" in shown[SECOND]
    assert "account 0000…" not in shown[FIRST] + shown[SECOND]
    assert "lantern-lending" in books.ask(page).text
    assert books.ask(f"{page}?of={UUID(int=1)}").status == 404
    assert books.ask(f"{page}?of=x").status == 400


def test_a_file_is_of_the_book_that_is_shown(books: Opened) -> None:
    """The page leads to its own."""
    assert f"of={SECOND}" in books.ask(f"/account/{OWED}?of={SECOND}").text.partition("download")[0]
    assert ",70.22," in books.ask(f"/account/{OWED}/csv?of={SECOND}").text


def test_an_id_of_one_book_has_no_choice(entered: Opened) -> None:
    """As nearly all have."""
    page = entered.ask(f"/account/{UUID(bytes=account(3))}").text
    assert "Closing balance" in page
    assert "several books" not in page
