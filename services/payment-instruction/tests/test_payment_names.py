"""Names made comparable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_payment_instruction.screening.domain.names import fingerprint, normalise


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SALEK, ABDULHAI", "Abdulhai Salek"),
        ("José  Muñoz", "MUNOZ Jose"),
        ("O'Brien, Patrick", "Patrick OBRIEN"),
        ("Straße GmbH", "STRASSE GMBH"),
        ("Łukasz Żółć", "lukasz zolc"),
        ("Ｆｕｌｌ Ｗｉｄｔｈ", "full width"),
        ("AERO-CARIBBEAN", "caribbean aero"),
        ("Müller", "Mu\u0308ller"),
        ("Ali\u200b Baba", "Ali Baba"),
        ("\u02bfAbd al-\u02beAziz", "Abd Al Aziz"),
    ],
)
def test_spellings_of_one_name_are_one_name(one: str, other: str) -> None:
    """Case, accents, punctuation, width, invisible characters and word order make no difference."""
    assert fingerprint(one) == fingerprint(other) != b""


def test_different_names_stay_different() -> None:
    """A missing or another word is another name; fuzzy matching is not done here."""
    assert len({fingerprint(name) for name in ("Ada Lovelace", "Ada", "Ada King Lovelace", "Ad a Lovelace")}) == 4


def test_other_scripts_are_kept() -> None:
    """A name in a script without Latin letters still has a fingerprint of its own."""
    assert len({fingerprint(name) for name in ("Владимир", "王小明", "محمد", "Ελένη")} - {b""}) == 4


def test_a_name_of_punctuation_only_has_no_fingerprint() -> None:
    """What leaves nothing to compare never hits."""
    assert fingerprint(" -.,' ") == b""


@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing(name: str) -> None:
    """The normal form is its own normal form."""
    assert normalise(normalise(name)) == normalise(name)
