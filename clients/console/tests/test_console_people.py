"""Principals, what facts have sealed, and dossiers, as pages show them."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import pytest
from ringfence_console import OneTimeLink, console
from ringfence_console.dossiers import Wanted
from ringfence_console.once import KEPT_SECONDS, MOST_KEPT, Once
from ringfence_console.ports import NotGiven, NotThere, Unavailable, View
from starlette.applications import Starlette

from clients.console.tests.asking import HOST, Asking
from clients.console.tests.conftest import Opened
from clients.console.tests.example import (
    PRINCIPAL,
    ROLE_ENDS_NS,
    SECOND,
    ExampleAnswers,
    ExampleDossiers,
    ExampleFacts,
    account,
    host,
)


def entered_without(**left_out: None) -> Asking:
    """Lets a browser into a console whose host does not bring something."""
    keys: list[str] = []
    made: Starlette = console(replace(host(ExampleFacts()), **left_out), OneTimeLink(keys.append), [HOST])
    ask = Asking(made)
    assert ask(f"/enter?key={keys[-1]}").status == 303
    return ask


def views(opened: Opened, path: str) -> Sequence[View]:
    """Opens a page, and gives the views that it was."""
    before = len(opened.facts.asked)
    assert opened.ask(path).status in (200, 303)
    return opened.facts.asked[before:]


def form_in(page: str) -> str:
    """Gives the id of the form of a page."""
    [found] = re.findall(r'name="form" value="([^"]+)"', page)
    assert isinstance(found, str)
    return found


def test_a_principal_is_told_with_its_second_person(entered: Opened) -> None:
    """Role, certificates, acts, and who confirmed; one view, though the proposal is asked about too."""
    assert views(entered, f"/people/{PRINCIPAL}") == [View("people", str(PRINCIPAL))]
    page = entered.ask(f"/people/{PRINCIPAL}").text
    assert "Operator of the custodian" in page
    assert ">active<" in page
    assert (bytes([2]) * 32).hex() in page
    acts = page[page.index('id="acts"') : page.index('id="decided"')]
    assert "#5<" in acts
    assert f'href="/people/{SECOND}"' in acts
    assert entered.ask("/people/nobody").status == 400
    assert "its registration is not among the facts" in entered.ask(f"/people/{UUID(int=99)}").text


def test_a_role_that_has_ended_is_not_called_active(entered: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is let in by it; and to who is shown a part nothing is said in green."""
    tag = re.compile(r'<span class="(tag[^"]*)">([^<]*)</span>')
    path = f"/people/{PRINCIPAL}"
    assert tag.findall(entered.ask(path).text) == [("tag good", "active")]
    entered.facts.is_whole = False
    assert tag.findall(entered.ask(path).text) == [("tag", "active, as far as you may read")]
    entered.facts.is_whole = True
    monkeypatch.setattr(time, "time_ns", lambda: ROLE_ENDS_NS)
    assert tag.findall(entered.ask(path).text) == [("tag bad", "ended")]


def test_readers_and_principals_lead_to_their_page(entered: Opened) -> None:
    """From who has read, and from all about somebody."""
    assert 'href="/people/' in entered.ask("/access").text
    assert f'href="/people/{PRINCIPAL}"' in entered.ask(f"/about/{PRINCIPAL}").text
    assert 'href="/people/' not in entered.ask(f"/about/{UUID(bytes=account(3))}").text


def test_sealed_facts_can_be_disclosed_for_a_reason(entered: Opened) -> None:
    """Where something is sealed a reason is asked for; one view, logged before; what stays closed says why."""
    assert 'action="/disclosed"' in entered.ask("/fact/2").text
    assert 'action="/disclosed"' not in entered.ask("/fact/0").text
    assert '<option value="2">' in entered.ask(f"/about/{PRINCIPAL}").text
    before = len(entered.facts.asked)
    page = entered.ask.followed("/disclosed?fact=2&reason=case+7").text
    assert entered.facts.asked[before:] == [View("disclosed", "2")]
    assert "case 7" in page
    assert "SUBJECT_ERASED" in page
    assert 'href="/fact/24"' in page


def test_what_was_disclosed_is_looked_at_again_without_another_fact(entered: Opened) -> None:
    """A double click, a reload, another language: nothing is opened again, and no address has the reason."""
    asked = f"/disclosed?fact=2&reason=case+7&form={form_in(entered.ask('/fact/2').text)}"
    assert views(entered, asked) == [View("disclosed", "2")]
    before = len(entered.facts.asked)
    shown = entered.ask(asked).headers["location"]
    assert re.fullmatch(r"/disclosed/[0-9a-f]{64}", shown)
    [language] = re.findall(r'href="(/prefer\?language=[^"]+)"', entered.ask(shown).text)
    assert entered.ask(language.replace("&amp;", "&")).headers["location"] == shown
    page = entered.ask(shown).text
    assert 'lang="zh' in page
    assert "case 7" in page
    assert entered.facts.asked[before:] == []
    assert views(entered, asked.replace("case+7", "case+8")) == [View("disclosed", "2")]
    assert form_in(entered.ask("/fact/2").text) not in asked
    assert entered.ask(f"/disclosed/{'0' * 64}").status == 404


def test_what_was_looked_up_is_looked_at_again_without_another_fact(entered: Opened) -> None:
    """By kind of fact, in another language, by the same form: nobody is asked, and no address has the reason."""
    asked = f"/find?q=Kestrel&reason=case+7&form={form_in(entered.ask('/find?q=Kestrel').text)}"
    [view] = views(entered, asked)
    assert view.page == "find"
    before = len(entered.facts.asked)
    shown = entered.ask(asked).headers["location"]
    page = entered.ask(shown).text
    chips = re.findall(r'<a href="([^"]*only=[^"]+)"', page)
    assert len(chips) > 1
    assert f'<a href="{shown}" aria-current="true">' in page
    assert {entered.ask(shown + each).status for each in chips} == {200}
    assert "reason=" not in "".join(re.findall(r'href="([^"]+)"', page))
    assert entered.facts.asked[before:] == []
    unsealed = entered.ask("/find?q=12.34+EUR").text
    assert '<a href="/find?q=12.34+EUR" aria-current="true">' in unsealed
    assert 'href="?q=12.34+EUR&amp;only=' in unsealed


def test_a_refused_disclosure_is_not_asked_for_again(entered: Opened) -> None:
    """The log has it already, and has nothing else to say."""
    asked = "/disclosed?fact=0&reason=case+7&form=one"
    assert views(entered, asked) == [View("disclosed", "0")]
    before = len(entered.facts.asked)
    assert [entered.ask.followed(asked).status for _ in range(2)] == [403, 403]
    assert entered.facts.asked[before:] == []


@pytest.mark.parametrize(
    ("proves", "said"), [(True, "is proven by its receipt"), (False, "is the word of the service")]
)
def test_a_disclosure_says_who_has_checked_it(proves: bool, said: str) -> None:
    """A host that compares nothing with a key says so."""
    facts, keys = ExampleFacts(), list[str]()
    disclosing = ExampleAnswers(facts, proves=proves)
    ask = Asking(console(replace(host(facts), disclosing=disclosing), OneTimeLink(keys.append), [HOST]))
    ask(f"/enter?key={keys[-1]}")
    page = ask.followed("/disclosed?fact=2&reason=case+7").text
    assert said in page
    assert ("proven" in page) is proves


def test_what_was_got_is_kept_once_and_for_some_minutes() -> None:
    """Two who come at once get one; nobody who was not answered is refused; what is old is forgotten."""
    now, got = [0.0], list[int]()
    once = Once[int](lambda: now[0])

    def slow() -> int:
        time.sleep(0.05)
        got.append(1)
        return len(got)

    with ThreadPoolExecutor(2) as pool:
        keys = list(pool.map(lambda _: once.done("form", "asked", slow), range(2)))
    assert (len(set(keys)), got, once.outcome(keys[0])) == (1, [1], 1)

    def silent() -> int:
        raise Unavailable("nobody")

    with pytest.raises(Unavailable):
        once.done("other", "asked", silent)
    assert once.outcome(once.done("other", "asked", slow)) == 2
    now[0] = KEPT_SECONDS + 1
    with pytest.raises(NotThere):
        once.outcome(keys[0])
    kept = [once.done(str(number), "asked", slow) for number in range(MOST_KEPT + 1)]
    with pytest.raises(NotThere):
        once.outcome(kept[0])
    assert once.outcome(kept[1]) == 4


@pytest.mark.parametrize("query", ["fact=2", "fact=2&reason=no", f"fact=2&reason={'x' * 281}", "fact=-1&reason=case"])
def test_without_a_reason_nothing_is_opened(entered: Opened, query: str) -> None:
    """Nor of a fact that is none."""
    before = list(entered.facts.asked)
    assert entered.ask(f"/disclosed?{query}").status == 400
    assert entered.facts.asked == before


def test_a_refused_disclosure_is_named(entered: Opened) -> None:
    """As the service says it."""
    page = entered.ask.followed("/disclosed?fact=0&reason=case+7")
    assert page.status == 403
    assert "NOTHING_SEALED" in page.text


def test_a_dossier_is_made_listed_and_taken_along() -> None:
    """With its size and hash; the file is sent whole, and the page that verifies it."""
    facts, keys = ExampleFacts(), list[str]()
    dossiers = ExampleDossiers(facts)
    ask = Asking(console(replace(host(facts), dossiers=dossiers), OneTimeLink(keys.append), [HOST]))
    ask(f"/enter?key={keys[-1]}")
    assert "No dossier was made here yet" in ask("/dossiers").text
    subject = UUID(bytes=account(3))
    made = ask.followed(f"/dossiers/make?about={subject}&linked=1&texts=1")
    assert "One dossier was made here" in made.text
    assert ask("/dossiers/make?from=2026-01-31&to=2026-01-31").status == 303
    day_ns = 86_400 * 10**9
    start_ns = 20_484 * day_ns
    assert dossiers.wanted == [
        Wanted(subjects=(subject,), is_linked=True, has_texts=True),
        Wanted(between_ns=(start_ns, start_ns + day_ns), has_texts=False),
    ]
    listed = ask("/dossiers").text
    assert "1,234,567" in listed
    assert f'href="/dossiers/{"00" * 32}"' in listed
    assert listed.count("that there are no others is not proven") == 1
    sent = ask(f"/dossiers/{'01' * 32}")
    assert sent.text == "PK dossier"
    assert re.fullmatch(r'attachment; filename="dossier-[0-9a-f]{12}.zip"', sent.headers["content-disposition"])
    assert ask("/dossiers/verify.html").headers["content-disposition"] == 'attachment; filename="verify.html"'
    assert [ask(f"/dossiers/{name}").status for name in ("09" * 32, "x", "../log")] == [404, 404, 404]


def test_a_dossier_is_made_once_for_each_form() -> None:
    """However often it comes; what cannot be given is said by the program, not by the log, and is not tried again."""
    facts, keys = ExampleFacts(), list[str]()
    dossiers = ExampleDossiers(facts)
    ask = Asking(console(replace(host(facts), dossiers=dossiers), OneTimeLink(keys.append), [HOST]))
    ask(f"/enter?key={keys[-1]}")
    made = f"/dossiers/make?about={PRINCIPAL}&form={form_in(ask('/dossiers').text)}"
    assert [ask.followed(made).status for _ in range(2)] == [200, 200]
    assert len(dossiers.wanted) == 1
    dossiers.refusing = NotGiven("PERIOD_OPEN", "later")
    refused = made.replace("form=", "form=another-")
    for _ in range(2):
        page = ask.followed(refused)
        assert page.status == 422
        assert "This cannot be given" in page.text
        assert "PERIOD_OPEN" in page.text
        assert "The log does not answer" not in page.text
    assert len(dossiers.wanted) == 2


@pytest.mark.parametrize(
    "query",
    [
        "",
        "about=nobody",
        f"about={PRINCIPAL}&from=2026-01-31&to=2026-01-31",
        "from=2026-01-31",
        "from=2026-02-01&to=2026-01-30",
        "from=20260131&to=20260131",
        "about=" + "+".join(str(UUID(int=number)) for number in range(1, 22)),
    ],
)
def test_what_no_dossier_can_be_of_is_refused(entered: Opened, query: str) -> None:
    """Before anything is asked."""
    before = list(entered.facts.asked)
    assert entered.ask(f"/dossiers/make?{query}").status == 400
    assert entered.facts.asked == before


def test_what_a_host_does_not_bring_has_no_page() -> None:
    """No form leads there, and no address."""
    ask = entered_without(disclosing=None, dossiers=None)
    assert ask("/disclosed?fact=2&reason=case+7").status == 404
    assert ask("/dossiers").status == 404
    page = ask("/fact/2").text + ask(f"/about/{PRINCIPAL}").text
    assert "/disclosed" not in page
    assert "/dossiers" not in page
