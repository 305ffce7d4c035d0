"""Who is let in, and what is refused before any page."""

from __future__ import annotations

import pytest
from ringfence_console import OneTimeLink, console

from clients.console.tests.asking import HOST, Asking
from clients.console.tests.conftest import Opened
from clients.console.tests.example import ExampleFacts, host

COOKIE = "ringfence-console-8080"


def test_nobody_is_let_in_without_the_link(opened: Opened) -> None:
    """Neither without a cookie nor with one of somebody's own, and nothing is read of the log."""
    assert opened.ask("/log").status == 401
    opened.ask.cookies[COOKIE] = "guessed"
    assert opened.ask("/log").status == 401
    assert opened.facts.asked == []


def test_the_link_works_once(opened: Opened) -> None:
    """Whoever reads it afterwards, in a history or on a screen, gets nothing; who came first stays."""
    assert opened.enter() == 303
    other = Asking(opened.app)
    assert other(f"/enter?key={opened.keys[-1]}").status == 403
    assert other("/log").status == 401
    assert opened.ask("/log").status == 200


@pytest.mark.parametrize("key", ["", "x", "ä"])
def test_a_wrong_link_lets_nobody_in(opened: Opened, key: str) -> None:
    """It does not use up the right one either."""
    assert opened.ask(f"/enter?key={key}").status == 403
    assert opened.enter() == 303


def test_idle_pages_lock(entered: Opened) -> None:
    """After 15 minutes without use the cookie opens nothing, and another link is given out; files count as no use."""
    entered.now += 899.0
    assert entered.ask("/log").status == 200
    entered.now += 600.0
    entered.ask("/static/x/console.css")
    entered.now += 301.0
    assert entered.ask("/log").status == 401
    entered.now -= 901.0
    assert entered.ask("/log").status == 401
    assert len(entered.keys) == 2
    assert entered.enter() == 303
    assert entered.ask("/log").status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "localhost:8080", "127.0.0.1", "127.0.0.1:80"])
def test_another_name_of_the_address_is_refused(entered: Opened, host: str) -> None:
    """DNS rebinding: a site whose name leads here is not us."""
    assert entered.ask("/log", host=host).status == 421
    assert entered.ask("/static/x/console.css", host=host).status == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:8080", "http://127.0.0.1"])
def test_another_origin_is_refused(entered: Opened, origin: str) -> None:
    """Whatever it asks for."""
    assert entered.ask("/log", origin=origin).status == 403
    assert entered.ask("/log", "POST", origin=origin).status == 403


def test_what_changes_something_has_to_come_from_a_page_of_ours(entered: Opened) -> None:
    """Without an origin nobody knows, and a browser that names another site is believed."""
    assert entered.ask("/log", "POST").status == 403
    assert entered.ask("/log", "POST", origin=f"http://{HOST}", sec_fetch_site="cross-site").status == 403
    # Ours gets as far as the router, where it changes nothing.
    assert entered.ask("/log", "POST", origin=f"http://{HOST}", sec_fetch_site="same-origin").status == 405


@pytest.mark.parametrize("path", ["/log", "/fact/1", "/fact/1/receipt", "/nothing", "/static/x", "/enter?key=x"])
def test_every_answer_says_what_a_browser_may_do(entered: Opened, path: str) -> None:
    """Refusals and files as well as pages."""
    headers = entered.ask(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


def test_the_cookie_is_for_no_script_and_no_other_site(opened: Opened) -> None:
    """As the answer to the link sets it."""
    cookie = opened.ask(f"/enter?key={opened.keys[-1]}").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_two_consoles_of_a_machine_have_two_sessions(entered: Opened) -> None:
    """A browser sends its cookies to every port: entering another console neither opens nor locks this one."""
    keys: list[str] = []
    other = Asking(console(host(ExampleFacts()), OneTimeLink(keys.append), ["127.0.0.1:9090"]))
    other.cookies = entered.ask.cookies
    assert other("/log", host="127.0.0.1:9090").status == 401
    assert other(f"/enter?key={keys[-1]}", host="127.0.0.1:9090").status == 303
    assert other("/log", host="127.0.0.1:9090").status == 200
    assert entered.ask("/log").status == 200


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_no_other_site_brings_a_view_about(entered: Opened, site: str) -> None:
    """Nor another port of this machine: nothing is read; its files and its entrance are for whoever is led there."""
    seen = len(entered.facts.asked)
    for path in ("/log", "/fact/0", "/prefer?theme=dark", "/nothing"):
        for method in ("GET", "HEAD", "POST"):
            assert entered.ask(path, method, origin=f"http://{HOST}", sec_fetch_site=site).status == 403
    assert len(entered.facts.asked) == seen
    assert entered.ask("/static/x/console.css", sec_fetch_site=site).status == 404
    assert entered.ask("/enter?key=x", sec_fetch_site=site).status == 403


def test_a_link_on_another_page_leads_in(opened: Opened) -> None:
    """By a page of ours, as what a browser is redirected to is still the other page's request."""
    answer = opened.ask(f"/enter?key={opened.keys[-1]}&to=/log%3Fx%3D%22%3E", sec_fetch_site="cross-site")
    assert answer.status == 200
    assert 'content="0; url=/log?x=&quot;&gt;"' in answer.text
    assert opened.ask("/log", sec_fetch_site="same-origin").status == 200


def test_a_session_that_is_not_known_gets_another_link(entered: Opened) -> None:
    """Once a minute, and none while one is unused; whoever comes without a cookie gets none; the session stays."""
    other = Asking(entered.app)
    assert other("/log").status == 401
    other.cookies[COOKIE] = "of before"
    entered.now += 59.0
    assert other("/log").status == 401
    assert len(entered.keys) == 1
    entered.now += 1.0
    assert Asking(entered.app)("/log").status == 401
    assert len(entered.keys) == 1
    assert "new link" in other("/log").text
    entered.now += 600.0
    assert other("/log").status == 401
    assert len(entered.keys) == 2
    assert entered.ask("/log").status == 200
    assert other(f"/enter?key={entered.keys[-1]}").status == 303
    assert other("/log").status == 200


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", "/\n/x", ""])
def test_choosing_a_language_leads_nowhere_else(entered: Opened, back: str) -> None:
    """Only to pages of ours."""
    answer = entered.ask(f"/prefer?language=zh-Hans&back={back}".replace("\n", "%0A"))
    assert (answer.status, answer.headers["location"]) == (303, "/")
