"""Amounts in characters: the rules' own examples, what stands at the edges, and that nothing is lost in writing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_desk.renminbi import in_characters

DIGITS = {each: value for value, each in enumerate("零壹贰叁肆伍陆柒捌玖")}
UNITS = {"拾": 10, "佰": 100, "仟": 1_000}


@pytest.mark.parametrize(
    ("fen", "written"),
    [
        (1_409_50, "壹仟肆佰零玖元伍角整"),
        (6_007_14, "陆仟零柒元壹角肆分"),
        (1_680_32, "壹仟陆佰捌拾元叁角贰分"),
        (107_000_53, "壹拾万柒仟元伍角叁分"),
        (16_409_02, "壹万陆仟肆佰零玖元零贰分"),
        (325_04, "叁佰贰拾伍元零肆分"),
    ],
)
def test_the_rules_examples(fen: int, written: str) -> None:
    """As the People's Bank writes them; of the two forms that it allows the one without the zero that may stand."""
    assert in_characters(fen) == f"人民币{written}"


@pytest.mark.parametrize(
    ("fen", "written"),
    [
        (0, "零元整"),
        (5, "伍分"),
        (50, "伍角整"),
        (55, "伍角伍分"),
        (1_00, "壹元整"),
        (10_00, "壹拾元整"),
        (10_01, "壹拾元零壹分"),
        (100_500_00, "壹拾万零伍佰元整"),
        (100_000_000_00, "壹亿元整"),
        (100_000_001_10, "壹亿零壹元壹角整"),
        (1_000_100_000_00, "壹拾亿零壹拾万元整"),
        (1_000_000_000_000_00, "壹万亿元整"),
        (-5, "负伍分"),
        (-(1 << 63), "负玖亿贰仟贰佰叁拾叁万柒仟贰佰零叁亿陆仟捌佰伍拾肆万柒仟柒佰伍拾捌元零捌分"),
    ],
)
def test_what_stands_at_the_edges(fen: int, written: str) -> None:
    """Nothing, jiao or fen alone, places that are empty, and all that an amount can be."""
    assert in_characters(fen) == f"人民币{written}"


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_whoever_reads_it_has_the_amount(fen: int) -> None:
    """What is written is read back by another way, and no two zeros stand together."""
    written = in_characters(fen)
    assert "零零" not in written
    assert _read(written.removeprefix("人民币")) == fen
    assert written.endswith("整") != written.endswith("分")


def _read(text: str) -> int:
    sign, text = (-1, text[1:]) if text.startswith("负") else (1, text)
    text = text.removesuffix("整")
    yuan, _, rest = text.rpartition("元") if "元" in text else ("", "", text)
    jiao, _, fen = rest.rpartition("角") if "角" in rest else ("", "", rest)
    return sign * (100 * _number(yuan) + 10 * _number(jiao) + _number(fen.removesuffix("分")))


def _number(text: str) -> int:
    for unit, name in ((10**8, "亿"), (10**4, "万")):
        if name in text:
            high, _, low = text.rpartition(name)
            return _number(high) * unit + _number(low)
    total = digit = 0
    for each in text:
        if each in UNITS:
            total, digit = total + digit * UNITS[each], 0
        else:
            digit = DIGITS[each]
    return total + digit
