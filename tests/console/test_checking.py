"""The check of pages finds what it is there to find, and nothing on a page that is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.console import wrong
from tests.console.browser import Visitor, chromium
from tests.console.checking import problems
from tests.console.finding import kind_of, pages
from tests.console.keyboard import Keyboard
from tests.console.looks import LOOKS, every, rotated


@pytest.fixture(scope="module")
def visitor() -> Iterator[Visitor]:
    """Somebody with a browser."""
    with chromium() as browser:
        yield Visitor(browser)


@pytest.fixture(scope="module")
def address() -> Iterator[Callable[[str], str]]:
    """Pages that are wrong in one way each."""
    with wrong.served() as made:
        yield made


def test_a_page_that_is_right_is_not_blamed(visitor: Visitor, address: Callable[[str], str]) -> None:
    """In two looks that have nothing in common."""
    assert problems(visitor, address(""), LOOKS[0]) == []
    assert problems(visitor, address(""), LOOKS[-1]) == []


@pytest.mark.parametrize("name", wrong.WRONG)
def test_what_is_wrong_is_named(visitor: Visitor, address: Callable[[str], str], name: str) -> None:
    """Each with the page and the look; a page of the light theme alone is wrong in the dark."""
    look = next(each for each in LOOKS if each.theme == ("dark" if name == "theme" else "light"))
    found = problems(visitor, address(name), look)
    assert any(wrong.WRONG[name] in each for each in found), found
    assert all(each.startswith(f"{address(name)} [{look}]: ") for each in found)


def test_what_scripts_alone_show_is_named(visitor: Visitor, address: Callable[[str], str]) -> None:
    """But for proofs, which need them."""
    assert problems(visitor, address("proof"), LOOKS[0], "@data-proof") == []
    (found,) = problems(visitor, address("grown"), LOOKS[0], "@data-proof")
    assert "without scripts lacks ['by scripts alone']" in found


def test_pages_are_found_by_links(visitor: Visitor, address: Callable[[str], str]) -> None:
    """One of each kind, however many there are."""
    assert pages(visitor, [address("")]).pages == [address(""), address("one/1"), address("next?q=1")]
    with pytest.raises(AssertionError, match="more than 2 kinds"):
        pages(visitor, [address("")], most=2)
    assert pages(visitor, [address("missing")]).dead == [f"{address('missing')} answers 404"]


def test_kinds_are_without_ids() -> None:
    """Of paths and of queries."""
    one = "http://a/fact/12?page=3&kind=x"
    assert kind_of(one) == kind_of("http://a/fact/7?kind=y&page=1") == "/fact/*?kind&page"
    assert kind_of("http://a/about/0b9e5a50-0000-4000-8000-000000000000") == "/about/*"


def test_the_keyboard_sees_where_it_is(visitor: Visitor, address: Callable[[str], str]) -> None:
    """Steps are counted; a focus that cannot be seen is a failure, and so is what cannot be reached."""
    with visitor.looking(LOOKS[0]) as context:
        page = context.new_page()
        page.goto(address(""))
        keyboard = Keyboard(page)
        keyboard.reach("Two")
        keyboard.enter()
        assert page.url == address("one/2")
        assert keyboard.steps == 1
        page.goto(address("hidden"))
        with pytest.raises(AssertionError, match="cannot be seen on 'hidden'"):
            keyboard.reach("hidden")
        page.goto(address(""))
        with pytest.raises(AssertionError, match="cannot be reached"):
            keyboard.reach("nowhere")


def test_looks_take_turns() -> None:
    """Eight pages are looked at in all eight, each in one; the whole check has every pair."""
    names = [str(each) for each in range(8)]
    turns = list(rotated(names))
    assert [name for name, _ in turns] == names
    assert {look for _, look in turns} == set(LOOKS)
    first, second = turns[0][1], turns[1][1]
    assert (first.locale, first.theme, first.width) != (second.locale, second.theme, second.width)
    assert len(set(every(names))) == 64
