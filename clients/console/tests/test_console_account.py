"""An account's files and figures: CSV, camt.053, renminbi in characters, and the reader's own clock beside UTC."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from lxml import etree
from ringfence_console import ports
from ringfence_console.balances import InBooks
from ringfence_desk.camt053 import NAMESPACE

from clients.console.tests.conftest import Opened
from clients.console.tests.example import ExampleAnswers, ExampleFacts, account

ACCOUNT = UUID(bytes=account(3))
RENMINBI = 156
_WRITTEN = re.compile(r'<span class="characters">([^<]+)</span>')


def test_page_table_and_message_have_the_same_figures(entered: Opened) -> None:
    """Each line, and what is there after it; of a part of the time as of all."""
    for part in ("", "?from=2026-11-30&to=2026-12-01", "?to=2026-01-31"):
        page = entered.ask(f"/account/{ACCOUNT}{part}").text
        table = csv.DictReader(io.StringIO(entered.ask(f"/account/{ACCOUNT}/csv{part}").text.lstrip("\ufeff")))
        first, *rows, last = list(table)
        message = entered.ask(f"/account/{ACCOUNT}/camt.053{part}")
        told = etree.fromstring(message.text.encode())
        assert [each["fact"] for each in rows] == list(_texts(told, "Ntry/NtryRef"))
        assert [each["change"].lstrip("-") for each in rows] == list(_texts(told, "Ntry/Amt"))
        opening, closing = _texts(told, "Bal/Amt")
        shown = re.findall(r"<dd>([0-9,.]+)</dd>", page)
        assert (shown[0].replace(",", ""), shown[3].replace(",", "")) == (opening, closing)
        assert closing == (rows[-1]["balance"] if rows else opening)
        assert (first["balance"], last["balance"]) == (opening, closing)
        assert [(each["fact"], each["time"], each["change"]) for each in (first, last)] == 2 * [("", "", "")]
        sent = entered.ask(f"/account/{ACCOUNT}/json{part}")
        data = json.loads(sent.text)
        sums = [data[each] for each in ("opening", "in", "out", "closing")]
        assert sums == [each.replace(",", "") for each in shown[:4]]
        assert [_told(each) for each in data["movements"]] == [_told(each) for each in rows]
        assert (data["currency"], data["account_id"]) == ("EUR", str(ACCOUNT))
        assert sent.headers["content-disposition"] == f'attachment; filename="account-{ACCOUNT}.json"'
        assert message.headers["content-type"].startswith("application/xml")
        assert message.headers["content-disposition"] == f'attachment; filename="account-{ACCOUNT}.camt.053.xml"'


def _told(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Gives what a movement says in a table and in JSON alike."""
    named = ("time", "fact", "purpose", "other_account", "change", "balance")
    return (*(str(row[each]) for each in named), row["value_date"] or "")


def test_each_file_is_a_view(entered: Opened) -> None:
    """The log has one fact of each, whoever takes which."""
    for each in ("", "/csv", "/json", "/camt.053"):
        entered.ask(f"/account/{ACCOUNT}{each}")
    assert [view.options.split()[:1] for view in entered.facts.asked] == [[], ["csv"], ["json"], ["camt.053"]]


def test_an_account_that_is_not_there_has_no_files(entered: Opened) -> None:
    """As it has no page."""
    assert {entered.ask(f"/account/{UUID(int=5)}/{each}").status for each in ("csv", "camt.053")} == {404}


def test_a_balance_is_shown_as_the_books_have_it(entered: Opened) -> None:
    """With its proof as a file, and where custody has closed other books; an account that is none of theirs is."""
    books = f"/account/{ACCOUNT}/books?of={UUID(bytes=account(60))}&ledger=978"
    assert books.replace("&", "&amp;") in entered.ask(f"/account/{ACCOUNT}").text
    page = entered.ask(books).text
    assert "8,642.55 <abbr>EUR</abbr>" in page
    assert "is what the log comes to, in every account" in page
    assert re.findall(r"<dd>([0-9,.]+)</dd>", page) == ["8,645.05", "2.50", "0.00", "0.07"]
    assert "DIFFERS from what the log comes to" in entered.ask(f"{books}&as_of=2026-03-31").text
    nobody = books.replace(str(ACCOUNT), str(UUID(bytes=account(0))))
    assert "It is not among the 4 accounts of these books" in entered.ask(nobody).text
    proof = entered.ask(books.replace("/books?", "/books/proof?"))
    assert proof.text == "ringfence-balance/1\n"
    assert proof.headers["content-disposition"] == f'attachment; filename="account-{ACCOUNT}.balance"'
    assert [view.page for view in entered.facts.asked] == ["account", *4 * ["balance"]]


@pytest.mark.parametrize(
    ("account_class", "shown"),
    [("BANK_MIRROR", "\N{MINUS SIGN}8,642.55"), ("CLIENT", "8,642.55"), ("", "credits less debits 8,642.55")],
)
def test_a_balance_has_the_side_of_the_statement(
    entered: Opened, monkeypatch: pytest.MonkeyPatch, account_class: str, shown: str
) -> None:
    """What a bank holds grows by debits; where nobody says the class, the page says what it has counted."""
    _in_books(monkeypatch, account_class=account_class)
    page = entered.ask(f"/account/{ACCOUNT}/books?of={UUID(bytes=account(60))}&ledger=978").text
    (answer,) = re.findall('<h1 class="answer.*</h1>', page)
    assert re.sub("<[^>]+>", "", answer.partition(": ")[2]) == f"{shown} EUR"


def test_a_balance_says_of_which_closing_it_is(entered: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the answer; and where custody has closed its books again by then."""
    books = f"/account/{ACCOUNT}/books?of={UUID(bytes=account(60))}&ledger=978&as_of=2026-12-31"
    page = entered.ask(books).text
    assert "as of 30 Nov 2026 14:15:00.000 UTC</p>" in page
    assert "Custody has closed again by then" not in page
    _in_books(monkeypatch, newest_closing=9)
    assert (
        'the log has not stated these books yet</span><span class="meta"><a href="/fact/9">' in entered.ask(books).text
    )


def _in_books(monkeypatch: pytest.MonkeyPatch, **changed: object) -> None:
    plain = ExampleAnswers.in_books

    def told(self: ExampleAnswers, *asked: object) -> InBooks:
        return replace(plain(self, *asked), **changed)  # type: ignore[arg-type] # as it was asked

    monkeypatch.setattr(ExampleAnswers, "in_books", told)


@pytest.mark.parametrize("between", ["to=9999-12-31", "from=0001-01-01", "from=20260131", "from=2026-W05-6"])
@pytest.mark.parametrize("form", ["", "/csv", "/json", "/camt.053"])
def test_what_is_no_day_of_a_log_is_refused(entered: Opened, form: str, between: str) -> None:
    """Neither a day before there are nanoseconds or after, nor one that is written otherwise; nothing is asked then."""
    assert entered.ask(f"/account/{ACCOUNT}{form}?{between}").status == 400
    assert entered.facts.asked == []


def test_a_message_of_a_part_is_dated_by_its_newest_fact(entered: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not told when the log stood gets the same bytes again, of no later than what the facts say."""
    untold = replace(entered.facts.seal, time_ns=None)
    monkeypatch.setattr(ExampleFacts, "seal", property(lambda _: untold))
    first, again = (entered.ask(f"/account/{ACCOUNT}/camt.053").text for _ in range(2))
    assert first == again
    told = etree.fromstring(first.encode())
    booked = list(_texts(told, "Ntry/BookgDt/DtTm"))
    assert list(_texts(told, "CreDtTm")) == [max(booked)]
    assert list(_texts(told, "Bal/Dt/Dt"))[1] == max(booked)[:10]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("of=x&ledger=978", 400),
        (f"of={UUID(int=60)}&ledger=x", 400),
        (f"of={UUID(int=60)}&ledger=7", 400),
        (f"of={UUID(int=60)}&ledger=978&as_of=yesterday", 400),
        (f"of={UUID(int=60)}&ledger=978&as_of=2025-12-31", 404),
    ],
)
def test_books_that_nobody_can_mean_are_refused(entered: Opened, query: str, status: int) -> None:
    """A platform, a currency and a day each; before the first closing there is nothing."""
    assert entered.ask(f"/account/{ACCOUNT}/books?{query}").status == status


def test_renminbi_stand_in_characters_in_chinese_prints(entered: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of no other currency, and in no other language."""
    as_of = ExampleAnswers.as_of

    def balanced(self: ExampleAnswers, *asked: object) -> ports.ClosedBook:
        book = as_of(self, *asked)  # type: ignore[arg-type] # as it was asked
        return replace(book, equation=replace(book.equation, clients_minor=16_409_02))

    monkeypatch.setattr(ExampleAnswers, "as_of", balanced)
    book = UUID(bytes=account(60))
    found = {
        (language, ledger): _written(entered, language, f"/books?book={book}:{ledger}")
        for language in ("en", "zh-Hans")
        for ledger in (RENMINBI, 978)
    }
    assert found.pop(("zh-Hans", RENMINBI))[0] == "人民币壹万陆仟肆佰零玖元零贰分"
    assert list(found.values()) == [[], [], []]


def test_a_reader_has_his_own_clock_beside_utc(entered: Opened) -> None:
    """Once it was chosen, on every page; what there is not is refused, and nothing is kept of it."""
    page = f"/account/{ACCOUNT}"
    assert "Asia/Kathmandu" not in entered.ask(page).text
    assert entered.ask("/prefer?zone=Asia/Nowhere&back=/log").status == 400
    assert entered.ask.cookies.get("zone", "") == ""
    kept = entered.ask(f"/prefer?zone=Asia/Kathmandu&back={page}")
    assert (kept.status, kept.headers["location"]) == (303, page)
    shown = entered.ask(page).text
    assert "30 Nov 2026 14:15:59.914 UTC (30 Nov 2026 20:00:59.914 Asia/Kathmandu)" in shown
    assert '<span class="meta local">Asia/Kathmandu</span></th>' in shown
    assert '<span class="meta local">11-30 20:00:59</span></td>' in shown
    assert "Asia/Kathmandu)" in entered.ask("/log").text
    entered.ask("/prefer?zone=&back=/")
    assert "Asia/Kathmandu" not in entered.ask(page).text


def _written(entered: Opened, language: str, path: str) -> list[str]:
    entered.ask.cookies["language"] = language
    return _WRITTEN.findall(entered.ask(path).text)


def _texts(told: etree._Element, path: str) -> Iterator[str]:
    below = "/".join(f"{{{NAMESPACE}}}{name}" for name in f"BkToCstmrStmt/Stmt/{path}".split("/"))
    return (each.text or "" for each in told.iterfind(below))
