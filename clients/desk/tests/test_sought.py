"""How what is typed is taken: by its form where it has one, and what an answer rests on is said in its own words."""

from __future__ import annotations

from uuid import UUID

import pytest
from ringfence_desk.language import Language
from ringfence_desk.sought import Ground, Sought, Taken, grounded, said, taken, taken_as, together


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        ("#17", Taken.FACT),
        ("0190A3C0-1111-7222-8333-444455556666", Taken.ID),
        ("ab" * 32, Taken.FILE),
        ("CZ65 0800 0000 1920 0014 5399", Taken.IBAN),
        ("2026-01-31", Taken.DAY),
        ("12.34 EUR", Taken.AMOUNT),
        ("JPY 1,500", Taken.AMOUNT),
    ],
)
def test_what_has_a_form_is_taken_as_that_alone(typed: str, kind: Taken) -> None:
    """An id is never looked up as a name: that would be a fact about nothing."""
    assert [each.taken for each in taken(typed)] == [kind]


@pytest.mark.parametrize(
    ("typed", "kinds"),
    [
        ("RENT-2026/07", [Taken.TEXT, Taken.NAME, Taken.NUMBER]),
        ("Anna  Svobodová", [Taken.TEXT, Taken.NAME]),
        ("850412/1234", [Taken.TEXT, Taken.NUMBER]),
        ("CZ66 0800 0000 1920 0014 5399", [Taken.TEXT, Taken.NAME]),
        ("2026-02-30", [Taken.TEXT, Taken.NUMBER]),
        ("12.345 EUR", [Taken.TEXT, Taken.NAME]),
        ("0 EUR", [Taken.TEXT, Taken.NAME]),
        ("   ", []),
    ],
)
def test_anything_else_may_be_several_things(typed: str, kinds: list[Taken]) -> None:
    """A wrong check digit, a day that is none and a cent too small are texts; nothing is nothing."""
    assert [each.taken for each in taken(typed)] == kinds


def test_values_are_exact() -> None:
    """Amounts in minor units by ISO 4217, days from midnight to midnight UTC, ids and hashes as bytes."""
    (euro,), (yen,), (dinar,) = taken("1 234.5 EUR"), taken("JPY 1,500"), taken("1.005 KWD")
    assert [(each.minor, each.ledger) for each in (euro, yen, dinar)] == [(123_450, 978), (1_500, 392), (1_005, 414)]
    (day,) = taken("1970-01-02")
    assert day.between_ns == (86_400 * 10**9, 2 * 86_400 * 10**9)
    (one,) = taken("0190a3c0111172228333444455556666")
    assert one.id == UUID("0190a3c0-1111-7222-8333-444455556666")
    assert taken("#0")[0].index == 0
    assert taken_as("Anna", Taken.ID) is None
    assert taken_as("12.34 EUR", Taken.TEXT) == Sought(Taken.TEXT, "12.34 EUR")


@pytest.mark.parametrize("language", Language)
def test_only_a_proof_claims_that_there_are_no_others(language: Language) -> None:
    """Each ground has words of its own in each language, and in several steps the weakest counts."""
    words = {ground: grounded(ground, 41, language) for ground in Ground}
    assert len(set(words.values())) == len(Ground)
    claims = {Language.ENGLISH: "proven: there are no others", Language.CHINESE: "已证明：此外没有其他事实"}[language]
    assert [ground for ground, text in words.items() if claims in text] == [Ground.PROVEN]
    assert "0" not in grounded(Ground.IDENTITY, 0, language)
    assert together([Ground.PROVEN, Ground.IDENTITY]) is Ground.IDENTITY
    assert together([]) is Ground.PROVEN
    assert all("{" not in said(Sought(kind, "X"), language) for kind in Taken)
