"""A language whose words are longer breaks no layout."""

from __future__ import annotations

from tests.console.browser import Visitor, chromium
from tests.console.checking import layout
from tests.console.example import served
from tests.console.finding import pages
from tests.console.longer import longer, longer_words
from tests.console.looks import LOOKS
from tests.console.test_pages import FIRST, IS_WHOLE, entered


def test_words_are_longer_and_places_are_not() -> None:
    """Each by two fifths at least."""
    assert longer("Find %(num)s facts of {account_id}") == "Findéé %(num)s factséé ofé {account_id}"


def test_longer_words_break_no_layout() -> None:
    """Nothing is wider than its window, cut off or drawn over its neighbour, on a desk and on a telephone."""
    looks = [each for each in LOOKS if each.language == "en" and each.theme == "light"]
    with longer_words(), served() as console, chromium() as browser:
        stranger = Visitor(browser)
        visitor = Visitor(browser, entered(console, stranger))
        found = pages(visitor, [console.address + each for each in FIRST]).pages
        broken, longest = list[str](), 0
        for turn, look in enumerate(looks):
            with visitor.looking(look) as context:
                page = context.new_page()
                for address in found if IS_WHOLE else found[turn :: len(looks)]:
                    page.goto(address)
                    longest += page.locator("h1").inner_text().count("éé")
                    broken += [f"{address} [{look}]: {each}" for each in layout(page)]
    assert broken == []
    assert longest > len(found) / 2
