"""Every page of the console in a browser: each once in CI, each in all looks in the whole check."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

import pytest
from playwright.sync_api import StorageState

from clients.console.tests.example import PRINCIPAL, ExampleFacts
from clients.console.tests.test_console_pages import ACCOUNT, TRANSFER
from tests.console import media
from tests.console.browser import WITHOUT_ED25519, Seen, Visitor, chromium
from tests.console.checking import layout, problems
from tests.console.example import CALLED, PAYOUT, PaidOut, Served, served
from tests.console.finding import Found, kind_of, pages
from tests.console.keyboard import Keyboard
from tests.console.looks import LOOKS, Look, Theme, every, rotated
from tests.console.outcomes import GIVEN, OUTCOMES, REVIEW, TROUBLES, prepared

IS_WHOLE = os.environ.get("RINGFENCE_CONSOLE_LOOKS", "rotated") == "every"
FIRST = (
    *("/", "/log", "/fact/0", "/fact/1", f"/trace/{TRANSFER}", "/matters", "/day", "/health"),
    *(f"/about/{PRINCIPAL}", f"/account/{ACCOUNT}", f"/people/{PRINCIPAL}", "/disclosed?fact=2&reason=case"),
)
"""Pages that others are found from; one of a fact with hostile words is among them."""
PROOFS = "contains(concat(' ', @class, ' '), ' proof ')"
KINDS = {
    "/",
    "/find",
    "/books",
    "/access",
    "/reports",
    "/disclosed?fact&reason",
    "/fact/*",
    "/about/*",
    "/account/*",
    "/trace/*",
    "/people/*",
    "/dossiers",
    "/log",
    "/matters",
    "/matters?only",
    "/matters/approval/*.*",
    "/matters/hit/*",
    "/matters/proposal/*",
    "/matters/exception/*",
    "/matters/break/*",
    "/matters/day/*",
    "/day",
    "/health",
}
"""What has to be found at least."""
DRAWN = {"/", "/trace/*", "/account/*", "/day", "/fact/*"}
"""Pages with pictures that have words."""


@pytest.fixture(scope="module")
def console() -> Iterator[Served]:
    """A console with everything, in which whatever has a name was named by somebody hostile."""
    with served(ExampleFacts(PaidOut(), called=CALLED)) as made:
        yield made


@pytest.fixture(scope="module")
def stranger() -> Iterator[Visitor]:
    """Somebody with a browser, who was not let in."""
    with chromium() as browser:
        yield Visitor(browser)


@pytest.fixture(scope="module")
def visitor(console: Served, stranger: Visitor) -> Visitor:
    """The same, let in."""
    return Visitor(stranger.browser, entered(console, stranger))


def entered(console: Served, stranger: Visitor) -> StorageState:
    """Follows the link; gives the cookies."""
    with stranger.looking(LOOKS[0]) as context:
        context.new_page().goto(console.entrance)
        return context.storage_state()


@pytest.fixture(scope="module")
def found(console: Served, visitor: Visitor) -> Found:
    """One page of each kind that links lead to."""
    return pages(visitor, [console.address + each for each in FIRST])


def test_links_lead_to_every_kind_of_page(found: Found) -> None:
    """And none leads nowhere."""
    kinds = {kind_of(each) for each in found.pages}
    assert kinds >= KINDS, KINDS - kinds
    assert found.dead == []


def test_nothing_is_wrong_with_any_page(found: Found, visitor: Visitor) -> None:
    """By the browser's console, axe, size, weight, language, theme, what it asks, and what scripts alone show."""
    looked_at = every(found.pages) if IS_WHOLE else rotated(found.pages)
    assert [each for page, look in looked_at for each in problems(visitor, page, look, PROOFS)] == []


def test_a_payment_is_found_and_proven_by_the_keyboard_alone(console: Served, visitor: Visitor) -> None:
    """From the first page in two steps of at most four: what is known of it is typed into the search, then the fact."""
    with visitor.looking(LOOKS[0]) as context:
        page = context.new_page()
        page.goto(f"{console.address}/")
        keyboard = Keyboard(page)
        page.keyboard.press("/")
        keyboard.write("12.34 EUR")
        keyboard.enter()
        keyboard.reach(address="/fact/")
        keyboard.enter()
        page.wait_for_selector(".proof[data-state=proven]")
        assert keyboard.steps <= 4


def test_a_payment_is_approved_by_the_keyboard_alone(console: Served, visitor: Visitor) -> None:
    """From the list in three steps: the item, the command, the signature."""
    with visitor.looking(LOOKS[0]) as context:
        page = context.new_page()
        page.goto(f"{console.address}/matters")
        keyboard = Keyboard(page)
        keyboard.reach(address="/matters/approval/")
        keyboard.enter()
        keyboard.reach("Review: Approve")
        keyboard.enter()
        keyboard.reach("Sign: Approve")
        keyboard.enter()
        assert "/acts/" in page.url
        assert keyboard.steps <= 3
        assert console.work.sent[-1].request["decision"] == "APPROVE"


def test_a_deposit_leads_to_its_payout_by_the_keyboard_alone(console: Served, visitor: Visitor) -> None:
    """In two steps: what became of the money, and the fact by which it went out; both stand in the trace by name."""
    with visitor.looking(LOOKS[0]) as context:
        page = context.new_page()
        page.goto(f"{console.address}/fact/0")
        keyboard = Keyboard(page)
        keyboard.reach(address="/trace/")
        keyboard.enter()
        keyboard.reach(address=f"/fact/{PAYOUT}")
        keyboard.enter()
        page.wait_for_selector(".proof[data-state=proven]")
        assert page.url.endswith(f"/fact/{PAYOUT}")
        assert keyboard.steps <= 2


@pytest.mark.parametrize(("without", "state"), [("nothing", "proven"), ("file", "unchecked")])
def test_a_browser_without_ed25519_checks_by_the_vendored_file(
    console: Served, visitor: Visitor, without: str, state: str
) -> None:
    """It is loaded then alone; where it cannot be had the page says that it has not checked, and nothing else."""
    with visitor.looking(LOOKS[0]) as context:
        page = context.new_page()
        seen = Seen(console.address)
        seen.listen(page)
        page.goto(f"{console.address}/fact/0")
        page.wait_for_selector(".proof[data-state=proven]")
        assert not any("noble" in each for each in seen.asked)
        context.add_init_script(WITHOUT_ED25519)
        if without == "file":
            context.route("**/noble-ed25519.js", lambda route: route.abort())
        page.goto(f"{console.address}/fact/0")
        page.wait_for_selector(".proof[data-state]")
        assert page.get_attribute(".proof", "data-state") == state
        assert any("noble" in each for each in seen.asked)
        page.click("[data-change]")
        page.wait_for_selector(f".proof[data-state={'refused' if state == 'proven' else state}]")


def looks_of(number: int) -> list[Look]:
    """Gives the looks of a page that no link leads to: all in the whole check, else one in turn."""
    return LOOKS if IS_WHOLE else [LOOKS[number % len(LOOKS)]]


@pytest.mark.parametrize("address", GIVEN)
def test_what_forms_give_is_looked_at_too(console: Served, visitor: Visitor, address: str) -> None:
    """A report and none, what was found, what asks for a reason, books compared, a part of an account."""
    for look in looks_of(GIVEN.index(address)):
        assert problems(visitor, console.address + address, look, PROOFS) == []


@pytest.mark.parametrize("name", OUTCOMES)
def test_what_people_do_is_looked_at_too(console: Served, visitor: Visitor, name: str) -> None:
    """The command that is reviewed, and what it became: done, changed, not known, refused, not answered, unsure."""
    outcome = OUTCOMES[name]
    for look in looks_of(list(OUTCOMES).index(name)):
        with prepared(console):
            assert problems(visitor, console.address + REVIEW, look) == []
            came = partial(outcome.comes, console)
            assert problems(visitor, console.address + REVIEW, look, status=outcome.status, comes=came) == []


@pytest.mark.parametrize("address", TROUBLES)
def test_troubles_are_looked_at_too(console: Served, visitor: Visitor, address: str) -> None:
    """What cannot be read, is not there, is refused, cannot be given, is not answered or not proven."""
    status, failing = TROUBLES[address]
    for look in looks_of(list(TROUBLES).index(address)):
        with prepared(console, failing):
            assert problems(visitor, console.address + address, look, status=status) == []


@pytest.mark.parametrize("look", LOOKS[::3], ids=str)
def test_words_on_ribbons_can_be_read(found: Found, visitor: Visitor, look: Look) -> None:
    """Whatever they stand on: axe leaves text in pictures open. There are such words."""
    with visitor.looking(look) as context:
        page = context.new_page()
        words = 0
        for address in (each for each in found.pages if kind_of(each) in DRAWN):
            page.goto(address)
            words += media.words_in_pictures(page)
            assert media.pale_on_ribbons(page) == [], address
        assert words > len(DRAWN)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_right_on_paper_and_in_forced_colours(found: Found, visitor: Visitor, theme: Theme) -> None:
    """Nothing is cut off, nothing stands there that is of no use on paper, and all can be read."""
    look = next(each for each in LOOKS if each.theme == theme)
    with visitor.looking(look) as context:
        page = context.new_page()
        wrong = []
        for address in found.pages:
            page.goto(address)
            wrong += [f"{address}: {each}" for each in media.printed(page)]
    with visitor.looking(look, forced=True) as context:
        page = context.new_page()
        for address in found.pages:
            page.goto(address)
            wrong += [f"{address} in forced colours: {each}" for each in [*layout(page), *media.pale(page)]]
    assert wrong == [], "\n".join(wrong)


def test_who_asks_for_less_motion_sees_none(console: Served, visitor: Visitor) -> None:
    """The proof colours its ladder step by step for others, and is as right then."""
    for wants_less in (True, False):
        with visitor.looking(LOOKS[0], moves=not wants_less) as context:
            page = context.new_page()
            page.goto(f"{console.address}/fact/0")
            page.wait_for_selector(".proof[data-state=proven]")
            assert media.moves(page) is not wants_less


def test_who_was_not_let_in_sees_nothing(console: Served, stranger: Visitor) -> None:
    """The link has let in one browser; it lets in no other."""
    with stranger.looking(LOOKS[0]) as context:
        assert context.request.get(console.entrance).status == 403
        for each in FIRST:
            assert context.request.get(console.address + each).status == 401
