"""What people are called can be written, and what nobody can see cannot."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_kernel.values.characters import are_writable, is_name

NAMES = [
    "علی\u200cرضا",
    "ක්\u200dෂමා",
    "Ivo\u00a0Marsh",
    "王\U00031350",
    "\U0002ebf0\U000323b0",
    "Siobhán O\u2019Neill",
    "O'Neill",
    "Hawai\u02bbi",
    "נח\u05f3",
    "ᠮᠣᠩᠭᠣᠯ\u180e\u1820",
    "\U00010d50\U00010d70",
    "山田　太郎",
    "Jean-Luc d\u2019Arc, Jr. (III)",
]
REFUSED = [
    "",
    " ",
    "\u00a0\u200c",
    "\u3164",
    "\u115f\uffa0",
    "Ann\x00",
    "Ann\x1b[0m",
    "Ann\nLee",
    "Ann\u2028Lee",
    "Ann\x85Lee",
    "Ann\u202eeeL",
    "Ann\u2066Lee\u2069",
    "Ann\u200fLee",
    "Ann\ufeff",
    "Ann\u00ad",
    "Ann\ue000",
    "Ann\U000f0000",
    "Ann\U000e0041",
    "Ann\u0378",
    "Ann\ufffe",
    "Ann\ud800",
    "x" * 141,
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_what_people_are_called_is_a_name(name: str) -> None:
    """Joiners, spaces that do not break, apostrophes, and scripts newer than the interpreter's tables."""
    assert is_name(name, 140)


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_what_cannot_be_seen_or_turns_the_text_is_no_name(name: str) -> None:
    """Controls, line ends, turns of direction, tags, private use, unassigned, and blanks of every kind."""
    assert not is_name(name, 140)


@given(st.characters())
def test_no_character_that_this_python_knows_as_unsafe_is_writable(character: str) -> None:
    """The tables of newer characters admit nothing but what had no character before."""
    category = unicodedata.category(character)
    if category in {"Cc", "Cs", "Co", "Zl", "Zp"}:
        assert not are_writable(character)
    elif category not in {"Cf", "Cn"}:
        assert are_writable(character)
