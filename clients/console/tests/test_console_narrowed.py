"""What was found is narrowed, paged and taken along; a log with two histories raises an alarm of its own."""

from __future__ import annotations

import csv
import io
import re
from base64 import b64decode
from dataclasses import replace
from datetime import date
from html import unescape
from typing import Any
from uuid import UUID

import pytest
from ringfence_console import OneTimeLink, console, ports
from ringfence_console.pages.narrowed import as_csv
from ringfence_desk import times
from ringfence_desk.fact import Fact
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.sought import Ground, taken

from clients.console.tests.asking import HOST, Asking
from clients.console.tests.conftest import Opened
from clients.console.tests.example import HOSTILE, PRINCIPAL, SECOND, ExampleAnswers, account, host

AMOUNT, DAY = "/find?q=1,234.56%20EUR", times.begins_ns(date(2026, 11, 30))


def links(page: str) -> list[str]:
    """The addresses that a page leads to."""
    return [unescape(each) for each in re.findall(r'href="([^"]*)"', page)]


def test_what_is_found_is_paged_newest_first(entered: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older and newer, each with what it is narrowed by; every fact stands on one page."""
    for module in ("find", "narrowed"):
        monkeypatch.setattr(f"ringfence_console.pages.{module}.MOST_ROWS", 10)
    at, seen, pages = f"{AMOUNT}&until=2100-01-01", list[int](), 0
    while at:
        page = entered.ask(at).text
        seen += [int(each) for each in re.findall(r'<span class="what"><a href="/fact/(\d+)"', page)]
        pages += 1
        [part] = re.findall(r'href="([^"]*)">Older', page) or [""]
        assert "until=2100-01-01" in part or not part
        at = f"/find{unescape(part)}" if part else ""
    assert pages == 3
    assert seen == sorted(range(entered.facts.log.count), reverse=True)
    [newer] = re.findall(r'href="([^"]*)">Newer', page)
    assert "from=10" in newer


@pytest.mark.parametrize(
    ("narrowed", "kept"),
    [
        ("kind=custody.transfer", lambda fact: "custody.transfer" in fact.kind),
        ("status=settled", lambda fact: fact.fields.get("status") == "SETTLED"),
        ("since=2026-11-30&until=2026-11-30", lambda fact: 0 <= (fact.time_ns or 0) - DAY < times.DAY_NS),
        ("until=2026-11-29", lambda fact: (fact.time_ns or 0) < DAY),
        (f"of={UUID(bytes=account(60))}", lambda fact: fact.fields.get("tenant_id") == account(60)),
    ],
)
def test_facts_are_narrowed_as_by_the_command(entered: Opened, narrowed: str, kept: object) -> None:
    """The page says how many are left of how many, and the file has these and no others."""
    every = [entered.facts.at(index) for index in range(entered.facts.log.count)]
    left = [fact for fact in every if kept(fact)]  # type: ignore[operator]
    page, sent = entered.ask(f"{AMOUNT}&{narrowed}"), entered.ask(f"{AMOUNT}&{narrowed}&as=csv")
    rows = list(csv.reader(io.StringIO(sent.text.removeprefix("\ufeff"))))
    assert 0 < len(left) < len(every)
    assert sorted(int(row[0]) for row in rows[1:]) == [fact.index for fact in left]
    assert sent.text[0] == "\ufeff"
    assert re.search(rf">(One|{len(left)}) of {len(every)} facts", page.text)
    assert 'class="facts"' in page.text
    assert 'class="facts"' not in entered.ask(f"{AMOUNT}&{narrowed}&kind=nothing").text


@pytest.mark.parametrize(
    "lacks", [{}, {"is_cut": True}, {"refused": "GRANT_TOO_NARROW"}, {"needs_reason": True}, {"others": 2}]
)
@pytest.mark.parametrize(("language", "says"), [("en", "Not all"), ("zh-Hans", "不完整")])
def test_a_file_of_a_part_says_so(
    entered: Opened, monkeypatch: pytest.MonkeyPatch, lacks: dict[str, Any], language: str, says: str
) -> None:
    """In its name and in a last row, by itself: whoever has it has not the page. Of all that there is, nothing."""
    find = ExampleAnswers.find

    def part(*asked: Any) -> list[ports.Way]:
        return [replace(each, **lacks) for each in find(*asked)]

    monkeypatch.setattr(ExampleAnswers, "find", part)
    sent = entered.ask(f"{AMOUNT}&as=csv", accept_language=language)
    last = list(csv.reader(io.StringIO(sent.text)))[-1]
    marks = last[0] == "", says in last[3], "not-all" in sent.headers["content-disposition"]
    assert marks == (bool(lacks),) * 3
    assert str(lacks.get("refused", "")) in last[3]


def test_a_refusal_is_not_called_nothing(entered: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was not answered is not told that there is nothing."""
    refused = [ports.Way(taken("1 EUR")[0], (), Ground.LOG, 0, refused="GRANT_TOO_NARROW")]
    monkeypatch.setattr(ExampleAnswers, "find", lambda *asked: refused)
    page = entered.ask(AMOUNT).text
    assert "No answer about" in page
    assert "Nothing about" not in page
    assert "GRANT_TOO_NARROW" in page


@pytest.mark.parametrize(
    "query", ["of=x", "since=2026-13-01", "from=-1", "until=yesterday", "since=2026-02-02&until=2026-02-01"]
)
def test_what_it_cannot_be_narrowed_by_is_said(entered: Opened, query: str) -> None:
    """By a page, not by all that was found."""
    assert entered.ask(f"{AMOUNT}&{query}").status == 400


def test_hostile_words_start_nothing_in_a_spreadsheet(entered: Opened) -> None:
    """Nor do they stand on the page as they are."""
    assert "\u202e" not in entered.ask(f"{AMOUNT}&as=csv").text
    sent = as_csv([Fact(7, "=cmd|' /C calc'!A0", {"amount_minor": -5, "ledger": 978})], Names(), Language.ENGLISH)
    [row] = list(csv.reader(io.StringIO(sent)))[1:]
    assert row == ["7", "", "'=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0", "-0.05", "EUR"]


def test_a_dossier_of_the_same_question_is_led_to(entered: Opened) -> None:
    """Of a day the day, of few subjects these, and it says of what; one that would lack a fact is not offered."""
    page = entered.ask("/find?q=2026-11-29").text
    [day] = [each for each in links(page) if each.startswith("/dossiers?")]
    assert "Make a dossier of all on 2026-11-29" in page
    form = entered.ask(day).text
    assert re.findall(r'<input name="(?:from|to)" value="([^"]*)"', form) == ["2026-11-29"] * 2
    for asked in (f"{AMOUNT}&kind=identity", "/find?q=2026-11-29&kind=identity"):
        page = entered.ask(asked).text
        [some] = [each for each in links(page) if each.startswith("/dossiers?")]
        assert "Make a dossier of all about one id" in page
        assert re.findall(r'<input name="about" value="([^"]*)"', entered.ask(some).text) == [str(PRINCIPAL)]
    assert not [each for each in links(entered.ask(AMOUNT).text) if each.startswith("/dossiers?")]
    without = console(replace(host(entered.facts), dossiers=None), OneTimeLink(entered.keys.append), [HOST])
    entered.app, entered.ask = without, Asking(without)
    entered.enter()
    assert not [each for each in links(entered.ask("/find?q=2026-11-29").text) if "dossiers" in each]


def test_a_trace_is_as_of_an_instant(entered: Opened) -> None:
    """It says so, keeps it in the form, and has no step after it."""
    transfer = UUID(bytes=account(100))
    now = entered.ask(f"/trace/{transfer}").text
    assert entered.ask(f"/trace/{transfer}?as_of=2026-13-01").status == 400
    at = re.findall(r'<time datetime="([^"]*)"', now)
    later = entered.ask(f"/trace/{transfer}?as_of=2100-01-01").text
    assert re.findall(r'<time datetime="([^"]*)"', later) == at
    assert 'name="as_of" value="2100-01-01"' in later
    assert entered.ask(f"/trace/{transfer}?as_of=1999-01-01").status == 404
    several = f"/trace/{UUID(bytes=account(3))}"
    when = re.compile(r'<span class="at"><time datetime="([^"]*)"')
    steps = when.findall(entered.ask(several).text)
    assert steps == sorted(steps)
    assert len(steps) > 4
    between = steps[3][: len("2026-11-30T14:15:59.914293")]
    assert steps[2] < between < steps[3]
    assert when.findall(entered.ask(f"{several}?as_of={between}Z").text) == steps[:3]


@pytest.mark.parametrize(
    ("asked", "older", "says"),
    [
        ("", "", {"en": "Nobody has read anything", "zh-Hans": "尚无查阅"}),
        (f"of={SECOND}", "", {"en": "There are no such reads", "zh-Hans": "没有这样的查阅"}),
        ("", "older", {"en": "None among the newest", "zh-Hans": "最新的查阅中没有"}),
        (f"of={SECOND}&page=p", "older", {"en": "None among the newest", "zh-Hans": "最新的查阅中没有"}),
        (f"of={SECOND}&page=p", "", {"en": "There are no older reads", "zh-Hans": "没有更早的查阅"}),
        ("page=p", "", {"en": "There are no older reads", "zh-Hans": "没有更早的查阅"}),
    ],
)
def test_an_empty_page_of_the_register_says_of_what_there_is_nothing(
    entered: Opened, monkeypatch: pytest.MonkeyPatch, asked: str, older: str, says: dict[str, str]
) -> None:
    """That nobody has read is claimed of the whole register alone; of a part, that one is to go on."""
    monkeypatch.setattr(ExampleAnswers, "reads", lambda *given: ports.ReadPage([], older))
    for language, words in says.items():
        page = entered.ask(f"/access?{asked}", accept_language=language).text
        (heading,) = re.findall(r"<h1[^>]*>(.*?)</h1>", page)
        assert words in heading
        assert ("page=older" in page) == bool(older)


def test_readers_of_one_page_are_not_all_readers(entered: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are counted as all where there is no other page."""
    assert ">2 readers on this page<" in entered.ask("/access").text
    reads = ExampleAnswers.reads
    monkeypatch.setattr(ExampleAnswers, "reads", lambda *given: replace(reads(*given), next_page=""))
    assert ">2 readers<" in entered.ask("/access").text


def test_the_register_is_narrowed_and_paged() -> None:
    """By a platform and a reader, which the next page keeps; what is no id is said."""
    opened = Opened()
    answers = ExampleAnswers(opened.facts)
    opened.app = console(replace(host(opened.facts), access=answers), OneTimeLink(opened.keys.append), [HOST])
    opened.ask = Asking(opened.app)
    opened.enter()
    page = opened.ask(f"/access?of={SECOND}&reader={SECOND}").text
    [older] = re.findall(r'href="([^"]*)">Older', page)
    last = opened.ask(f"/access{unescape(older)}").text
    assert "Older" not in last
    assert "Newest" in last
    asked = [(each.platform_id, each.reader_id, each.page) for each in answers.registers]
    assert asked == [(SECOND, SECOND, ""), (SECOND, SECOND, "older")]
    assert len({(each.subject, each.options) for each in opened.facts.asked}) == 1
    for wrong in ("of=x", "reader=1", "page=%00", "page=" + "a" * 65):
        assert opened.ask(f"/access?{wrong}").status == 400


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_a_log_with_two_histories_raises_an_alarm(
    entered: Opened, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """On whatever page it comes to light; both notes are given along as they were signed, hostile or not."""
    notes = "log.example\n3\nAAAA\n\n\N{EM DASH} log.example first\n", f"log.example\n3\nBBBB\n\n{HOSTILE[:90]}\n"

    def forked(view: ports.View) -> ports.Standing:
        raise ports.Forked("it ends at 2, and has signed 3", *notes)

    monkeypatch.setattr(entered.facts, "standing", forked)
    answer = entered.ask("/log", accept_language=language)
    assert answer.status == 502
    assert ("ALARM" in answer.text) == (language == "en")
    kept = re.findall(r'href="data:text/plain;base64,([^"]*)" download="(\w+)\.note"', answer.text)
    assert [(b64decode(unescape(each)).decode(), name) for each, name in kept] == [
        (notes[0], "remembered"),
        (notes[1], "shown"),
    ]
    assert "<script>alert" not in answer.text
    assert "log.example first\n" in answer.text
