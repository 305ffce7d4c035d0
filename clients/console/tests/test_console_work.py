"""People decide what they have seen, once, under their own name; whatever does not hold is refused, and said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import pytest
from ringfence_console import OneTimeLink, console
from ringfence_console.host import Host
from ringfence_console.ports import Facts, Reader
from ringfence_console.work import Command, Subject, Words

from .clicking import ADDRESS, Clicking
from .desks import APPROVER, KEY, MAKER, FakeWork, Payment, WholeDesk

AT = f"/matters/approval/{KEY}"
HOSTILE = "<script>alert(1)</script>\u202egnp.\u0000" + "x" * 10_000


@dataclass
class Desk:
    """Somebody's console, entered."""

    work: FakeWork
    browser: Clicking
    links: list[str]

    def review(self, act: str = "approve", note: str = "") -> dict[str, str]:
        """Has a form drawn."""
        page = self.browser.get(f"{AT}/{act}?note={note}")
        assert page.status == 200, page.text
        return page.form()


def opened(work: FakeWork | None, reader: UUID = APPROVER, **ports: Any) -> tuple[Clicking, list[str]]:
    """Opens a console that has, or has not, open work, and other ports."""
    links: list[str] = []
    nobody = cast(Facts, None)
    host = Host(reader=Reader(reader, "OPERATOR"), facts=nobody, reads_log=False, work=work, **ports)
    browser = Clicking(console(host, OneTimeLink(links.append), [ADDRESS]))
    assert browser.get(f"/enter?key={links[-1]}").status == 303
    return browser, links


def desk(payment: Payment | None = None, **given: Any) -> Desk:
    """Opens a console with a payment that waits."""
    work = FakeWork(payment or Payment(), **given)
    return Desk(work, *opened(work, work.reader))


def test_from_the_list_to_the_signature() -> None:
    """The list leads to the item, that to the command and its hash, and what is sent is that command."""
    at = desk()
    assert at.browser.get("/").location == "/matters"
    assert f'href="{AT}"' in at.browser.get("/matters").text
    page = at.browser.get(AT)
    assert "380.00" in page.text
    assert "cannot be paid" not in page.text
    form = at.review(note="seen")
    command = at.work.command(at.work.matter(Subject.PAYMENT, KEY), "approve", Words("seen"))
    assert form["sha256"] == command.sha256.hex()
    assert command.sha256.hex() in at.browser.get(f"{AT}/approve?note=seen").text
    answer = at.browser.post(f"{AT}/approve", form)
    assert (answer.status, answer.location) == (303, f"/acts/{form['form']}")
    assert at.work.sent == [command]
    assert "goes on to custody" in at.browser.get(answer.location).text


def test_a_payment_that_cannot_be_paid_says_so() -> None:
    """On the item and where it is signed; the balance after it is below zero."""
    at = desk(Payment(payer_minor=100_00))
    assert "cannot be paid" in at.browser.get(AT).text
    assert "\N{MINUS SIGN}20.00" in at.browser.get(AT).text
    assert "cannot be paid" in at.browser.get(f"{AT}/approve").text


def test_the_maker_sees_no_button_and_signs_nothing() -> None:
    """No form is drawn for him, and one that somebody else has drawn is none of his console's."""
    at, other = desk(reader=MAKER), desk()
    page = at.browser.get(AT)
    assert "you have made it" in page.text
    assert "<form" not in page.text.partition("<footer")[0]
    assert at.browser.get(f"{AT}/approve").status == 403
    assert at.browser.post(f"{AT}/approve", other.review()).status == 409
    assert at.work.sent == []


def test_a_second_click_is_the_same_act() -> None:
    """It leads to the same page, and nothing more was sent."""
    at = desk()
    form = at.review()
    first, second = (at.browser.post(f"{AT}/approve", form) for _ in range(2))
    assert first.location == second.location != ""
    assert len(at.work.sent) == 1


def test_a_stale_form_says_what_has_changed() -> None:
    """And is not sent."""
    at = desk()
    form = at.review()
    at.work.payment.status = "REJECTED"
    page = at.browser.post(f"{AT}/approve", form)
    assert page.status == 409
    assert "something has changed" in page.text
    assert "refused" in page.text
    assert at.work.sent == []


def test_whom_the_service_refuses_is_told_why() -> None:
    """A person who is suspended, however the page came to offer it."""
    at = desk(refuses="PRINCIPAL_SUSPENDED")
    page = at.browser.post(f"{AT}/approve", at.review())
    assert page.status == 403
    assert "are suspended" in page.text
    assert "PRINCIPAL_SUSPENDED" in page.text


def test_whom_no_answer_reached_sends_it_again() -> None:
    """The page does not say that nothing was done, or is not sent: its form tells what was done."""
    at = desk(loses=1)
    page = at.browser.post(f"{AT}/approve", at.review())
    assert page.status == 503
    assert "may be done or not" in page.text
    answer = at.browser.post(f"{AT}/approve", page.form())
    assert (answer.status, answer.location[:6]) == (303, "/acts/")
    assert "goes on to custody" in at.browser.get(answer.location).text


def test_a_refusal_of_what_may_be_done_says_so() -> None:
    """When the form comes again, and on the page of the act too."""
    at = desk(loses=1, is_idempotent=False)
    form = at.browser.post(f"{AT}/approve", at.review()).form()
    for page in (at.browser.post(f"{AT}/approve", form), at.browser.get(f"/acts/{form['form']}")):
        assert page.status == 409
        assert "perhaps done before" in page.text
        assert "Nothing was done" not in page.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://elsewhere.example"},
        {"origin": "null"},
        {"origin": ""},
        {"host": "elsewhere.example:4242"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
        {"origin": "null", "sec-fetch-site": "none"},
    ],
)
def test_another_site_signs_nothing(headers: dict[str, str]) -> None:
    """Whatever it has found out about the form."""
    at = desk()
    form = at.review()
    assert at.browser.post(f"{AT}/approve", form, **headers).status in (403, 421)
    assert at.work.sent == []


def test_who_was_not_let_in_signs_nothing() -> None:
    """A link works once: it lets nobody else in, and without its cookie nothing is shown or done."""
    at = desk()
    form = at.review()
    stranger = Clicking(at.browser.app)
    assert stranger.get(f"/enter?key={at.links[0]}").status == 403
    assert stranger.get("/matters").status == 401
    assert stranger.post(f"{AT}/approve", form).status == 401
    assert at.work.sent == []


@pytest.mark.parametrize(
    "changed",
    [
        {"sha256": "00" * 32},
        {"sha256": "zz"},
        {"sha256": ""},
        {"form": "00000000-0000-4000-8000-000000000000"},
        {"form": ""},
        {"padding": "x" * 5_000},
    ],
)
def test_a_form_that_was_not_drawn_is_not_sent(changed: dict[str, str]) -> None:
    """Another hash, another id, nothing, or more than a form of ours has."""
    at = desk()
    assert at.browser.post(f"{AT}/approve", at.review() | changed).status == 409
    assert at.work.sent == []


def test_who_has_to_say_why_is_asked() -> None:
    """A refusal needs a note; it is cut where the service would refuse it."""
    at = desk()
    asked = at.browser.get(f"{AT}/refuse?note=+")
    assert asked.status == 400
    assert "Say why" in asked.text
    at.browser.post(f"{AT}/refuse", at.review("refuse", note="n" * 300))
    assert at.work.sent[0].request["note"] == "n" * 280


def test_a_form_of_a_page_that_refers_to_nobody_is_ours() -> None:
    """Browsers name no origin then, and say that the site is the same."""
    at = desk()
    headers = {"origin": "null", "sec-fetch-site": "same-origin"}
    assert at.browser.post(f"{AT}/approve", at.review(), **headers).status == 303


@pytest.mark.parametrize("path", ["/matters/approval/none", f"/matters/nothing/{KEY}", f"{AT}/destroy", "/acts/none"])
def test_what_is_not_there_is_not_shown(path: str) -> None:
    """Neither items, nor subjects, nor acts."""
    assert desk().browser.get(path).status in (403, 404)


def test_hostile_words_are_shown_as_such() -> None:
    """Of the payee, and of the note that comes back."""
    at = desk(Payment(payee=HOSTILE))
    for page in (
        at.browser.get("/matters"),
        at.browser.get(AT),
        at.browser.get(f"{AT}/approve?note=%3Cscript%3E%E2%80%AE"),
    ):
        assert page.status == 200
        assert "<script>alert" not in page.text
        assert "\u202e" not in page.text
        assert "\u0000" not in page.text


@pytest.mark.parametrize("method", ["get", "post"])
def test_without_work_there_are_no_acts(method: str) -> None:
    """The routes do not exist: whoever asks is told what anybody is told of what is not there."""
    browser, _ = opened(None)
    ask: Callable[..., Any] = browser.get if method == "get" else browser.post
    given = () if method == "get" else ({"form": "x", "sha256": "y"},)
    for path in ("/matters", AT, f"{AT}/approve", "/acts/x", "/day", "/health"):
        assert ask(path, *given).status == 404, path


def test_a_note_is_asked_for_where_it_is_sent() -> None:
    """Whoever signs a day writes none, as none would be sent."""
    browser, _ = opened(WholeDesk(Payment()))
    assert 'name="note"' in browser.get("/matters/break/1").text
    assert 'name="note"' not in browser.get("/matters/day/1").text


def test_the_command_is_shown_as_it_is_hashed() -> None:
    """Whoever takes the text from the page computes the hash that stands beside it."""
    at = desk()
    text = at.browser.get(f"{AT}/approve").text
    command: Command = at.work.command(at.work.matter(Subject.PAYMENT, KEY), "approve", Words(""))
    assert command.text.replace('"', "&#34;") in text
