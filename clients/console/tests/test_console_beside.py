"""What stands beside an item: both sides, candidates, lives, letters, and what is filled in for an act."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

import pytest
from ringfence_console.pages.beside import row
from ringfence_console.pages.health import RUNBOOKS
from ringfence_console.work import Figures, Process, State
from ringfence_desk.language import Language

from .clicking import Clicking
from .desks import APPROVER, KEY, LINES, FakeDays, FakeParts, FakeWork, Payment, WholeDesk
from .test_console_work import opened


def review(browser: Clicking, at: str, **given: str) -> int:
    """Asks for an act to be drawn, and gives the status."""
    return int(browser.get(f"{at}?{urlencode(given)}").status)


def test_what_is_filled_in_is_what_is_sent() -> None:
    """An id as it is, an amount in minor units; what is none of those is asked for again, and nothing is drawn."""
    work = WholeDesk(Payment())
    browser, _ = opened(work)
    at, account = "/matters/break/1/correct", str(UUID(int=5))
    page = browser.get(f"{at}?{urlencode({'note': 'why', 'account': account, 'amount': '12.5'})}")
    assert browser.post(at, page.form()).status == 303
    assert work.sent[0].request == {"note": "why", "account": account, "amount": "1250"}
    for amount in ("", "0", "0.00", "-1", "1.234", "1e3", "1,5", "\N{ARABIC-INDIC DIGIT ONE}", "9" * 16):
        assert review(browser, at, note="why", account=account, amount=amount) == 400, amount
    assert review(browser, at, note="why", account="nobody", amount="1") == 400
    at = "/matters/suspense/1/return"
    page = browser.get(f"{at}?{urlencode({'note': 'why', 'bank_iban': 'de89 3704 0044 0532 0130 00'})}")
    assert browser.post(at, page.form()).status == 303
    assert work.sent[1].request == {"note": "why", "bank_iban": "DE89370400440532013000"}
    for iban in ("", "DE88370400440532013000", "DE89", "<b>"):
        assert review(browser, at, note="why", bank_iban=iban) == 400, iban
    assert review(browser, "/matters/entry/1/same", note="why", candidate=LINES[0]) == 200
    assert review(browser, "/matters/entry/1/same", note="why", candidate="three") == 400
    assert review(browser, "/matters/entry/1/same", note="why", candidate="no") == 400
    assert review(browser, "/matters/entry/1/same", note="why") == 400


def test_a_break_shows_its_life_and_both_sides() -> None:
    """Who took which step, what comes next, and the field that differs, in words and not by colour alone."""
    browser, _ = opened(WholeDesk(Payment()))
    text = browser.get("/matters/break/1").text
    for said in (
        "found",
        "taken over",
        str(APPROVER),
        "settled",
        "The bank",
        "differs",
        "the same amount",
        "UNHEARD_OF",
    ):
        assert said in text, said
    assert text.count(">differs<") == 2


def test_a_hit_shows_the_letters_that_differ() -> None:
    """The listed name beside the typed one, its list and the day of its edition."""
    work = WholeDesk(Payment(), words="Zora Listed")
    text = opened(work)[0].get("/matters/hit/1").text
    assert "Z<mark>ó</mark>ra L<mark>y</mark>sted" in text
    assert "Z<mark>o</mark>ra L<mark>i</mark>sted" in text
    assert "14 Nov 2023" in text
    assert "look the entry up by its number" in text
    assert "known by keyed marks alone" in text


def test_days_say_what_is_there_by_components() -> None:
    """Four of them, and the difference; of a day that is only cut nothing is made up."""
    text = opened(None, days=FakeDays())[0].get("/day").text
    for amount in ("90.00", "5.00", "3.00", "2.00", "\N{MINUS SIGN}0.01"):
        assert amount in text, amount
    assert text.count("known once the banks have stated the day") == 1
    assert text.count('<svg class="chart') == 2


def test_health_says_what_is_wrong_and_how_long_things_last() -> None:
    """Who does not reach what, how far it is behind, what waits, and what ends soonest before the rest."""
    text = opened(None, parts=FakeParts())[0].get("/health").text
    for said in (
        "Nobody leads: audit",
        "1 of 2 reach it",
        "VAULT_UNAVAILABLE",
        "CLOCK_WRONG",
        "12,345 events behind payment-instruction, heard 99 s ago",
        "even with identity",
        "breaks whose due day is over",
        "nothing yet",
    ):
        assert said in text, said
    assert text.index("2 hours left") < text.index("3 days left")
    assert "payments that wait" not in text


def test_choices_are_told_apart() -> None:
    """Two of one amount, by their number in the list, their ids and why they may be it; what is not offered is none."""
    browser, _ = opened(WholeDesk(Payment()))
    page = browser.get("/matters/entry/1").text
    labels = [each.partition("</label>")[0] for each in page.split('<label class="choice">')[1:]]
    assert len(labels) == 3
    for number, (label, line, reason) in enumerate(
        zip(labels, LINES, ("the same amount", "one names"), strict=False), 1
    ):
        for said in (f"<b>{number}</b>", f'title="{line}"', reason):
            assert said in label, said
    assert "it may be a part" in page
    assert 'value="no"' not in page
    chosen = browser.get(f"/matters/entry/1/same?note=why&candidate={LINES[1]}").text
    about = chosen.partition("What it is:")[2]
    assert about.startswith(" <b>2</b>")
    assert LINES[1] in about
    assert LINES[0] not in about


@pytest.mark.parametrize(
    ("others", "said", "unsaid"),
    [
        ([], "Every service has somebody who leads", "Nobody leads"),
        ([Process("audit", "a:1", State.NOT_TOLD)], "You are not told who leads: audit", "Nobody leads"),
        ([Process("audit", "a:1", State.STANDS_BY)], "Nobody leads: audit", "You are not told"),
    ],
)
def test_who_is_not_told_is_not_told_that_nobody_leads(others: list[Process], said: str, unsaid: str) -> None:
    """Neither an approver, whom no process tells anything, nor of a leader who says that something is wrong."""
    custody = Process("custody", "c:1", State.LEADS, Figures(checks={"clock": "CLOCK_WRONG"}), is_ill=True)
    text = opened(None, parts=FakeParts([custody, *others], alone=True))[0].get("/health").text
    assert said in text
    assert unsaid not in text
    assert "says that it is not well" in text


def test_nothing_else_waits_where_all_have_said_so() -> None:
    """Of a service that is silent nobody knows."""
    custody = Process("custody", "c:1", State.LEADS, Figures(checks={}))
    whole = opened(None, parts=FakeParts([custody], alone=True))[0].get("/health").text
    assert ">Nothing else waits<" in whole
    for state in (State.SILENT, State.NOT_TOLD):
        part = FakeParts([custody, Process("audit", "a:1", state)], alone=True)
        text = opened(None, parts=part)[0].get("/health").text
        assert ">Nothing else waits<" not in text
        assert ">Nothing else waits at those that have said so<" in text


def test_letters_that_are_not_compared_are_shown() -> None:
    """With words that say so."""
    text = opened(WholeDesk(Payment(), words="Zora " + "x" * 300 + " LISTED"))[0].get("/matters/hit/1").text
    assert "not compared from here on</span> <bdi>xxx" in text
    assert "x LISTED</bdi>" in text


@pytest.mark.parametrize(
    ("name", "value", "english", "chinese"),
    [
        ("reversal", "YES", "yes", "是"),
        ("effect", "payment-instruction.ReleaseHits", "release hits", "放行名单命中"),
        ("differing_references", "END_TO_END, UETR", "reference of the payer, UETR", "付款人参考号、UETR"),
        ("state", "SETTLED", "settled", "已结算"),
        ("side", "OF_BANK", "the bank’s", "银行方"),
        ("payee", "YES, NO", "YES, NO", "YES, NO"),
    ],
)
def test_codes_have_words(name: str, value: str, english: str, chinese: str) -> None:
    """In both languages; what somebody has written stays as it is, whatever it looks like."""
    assert row(name, value, Language.ENGLISH).text == english
    assert row(name, value, Language.CHINESE).text == chinese


def test_what_is_lacking_is_told_as_money() -> None:
    """Where it has changed since the form was drawn; it is no number of minor units to a reader."""
    work = WholeDesk(Payment())
    browser, _ = opened(work)
    at = "/matters/break/1/correct"
    form = browser.get(f"{at}?{urlencode({'note': 'why', 'account': str(UUID(int=5)), 'amount': '1'})}").form()
    work.lacking = "-300"
    text = browser.post(at, form).text
    assert "What our account of the bank lacks" in text
    assert "\N{MINUS SIGN}3.00 CNY" in text


def test_an_approval_shows_what_it_counts_against() -> None:
    """Each limit with this payment beside its bound, and whether it is above; the lists, and which is too old."""
    browser, _ = opened(FakeWork(Payment()))
    page = browser.get(f"/matters/approval/{KEY}").text
    rows = re.findall(r'<tr[^>]*><th scope="row">(.*?)</tr>', page.split("limits", 1)[1], re.DOTALL)
    told = [(each.split("<")[0], re.findall(r"[\d,]+\.\d\d", each), "above" in each) for each in rows[:3]]
    assert told == [
        ("one payment", ["120.00", "100.00"], True),
        ("the platform’s payments within a day", ["120.00", "120.00"], False),
        ("what you let pass alone within a day", ["1,000.00"], False),
    ]
    assert "not told" in rows[2]
    lists = re.findall(r"<li class=\"(\w+)\">.*?names nobody in it: <bdi>(.*?)</bdi>", page, re.DOTALL)
    assert lists == [("good", "UN"), ("warn", "&lt;b&gt;list&lt;/b&gt;")]
    assert page.count("too old") == 1


@pytest.mark.parametrize("documents", ["", "https://docs.example"])
def test_each_finding_names_its_runbook(documents: str) -> None:
    """As a link where the documents are served, else by its place; each is there."""
    runbooks = Path(__file__).parents[3] / "docs" / "runbooks"
    assert [each for each in RUNBOOKS.values() if not (runbooks / f"{each}.md").is_file()] == []
    checks = {"source-identity": "no answer", "follower-identity": "FORKED", "of-tomorrow": "unknown to this page"}
    other = Process("payment-instruction", "127.0.0.1:4", State.LEADS, Figures(checks=checks), is_ill=True)
    browser, _ = opened(FakeWork(Payment()), parts=FakeParts([other]), documents=documents)
    page = browser.get("/health").text
    for name, runbook in zip(checks, ("follower-lags", "feed-fork", "index" if documents else "README"), strict=True):
        place = f"{documents}/runbooks/{runbook}.html" if documents else f"docs/runbooks/{runbook}.md"
        (said,) = re.findall(rf"<b>{name}</b>.*?(?=<br>|</span></span>|</li>)", page)
        assert place in said, said
    assert (runbooks / "README.md").is_file()
    form = rf'href="{documents}/runbooks/([\w-]+).html"' if documents else r"docs/runbooks/([\w-]+)\.md"
    named = re.findall(form, page)
    for each in (
        "standby",
        "processes-missing",
        "vault-sealed",
        "clock",
        "follower-lags",
        "breaks-late",
        "certificates",
    ):
        assert each in named, each
    assert ('href="https' in page) == bool(documents)
