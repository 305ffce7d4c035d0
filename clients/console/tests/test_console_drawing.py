"""Pictures say what is so: widths are of one scale, sums are exact, and nothing that stands out is left out."""

from __future__ import annotations

import random
import re
from uuid import UUID

import pytest
from ringfence_console.drawing.balance import Words, balance, thinned
from ringfence_console.drawing.equation import equation
from ringfence_console.drawing.flow import Band, Knot, flow, folded, letters_across
from ringfence_console.drawing.glyph import glyph
from ringfence_console.pages.account import READ_COLUMNS

WORDS = Words("told", str, str, str, "highest", "lowest")
DAY_NS = 86_400 * 10**9
MOST_BYTES = 100_000


def widths(picture: str) -> list[tuple[str, float]]:
    """Gives the bars of an equation: class and width."""
    return [
        (name, float(width))
        for name, width in re.findall(r'class="(\w+)" x="[\d.]+" y="\d+" width="([\d.]+)"', picture)
    ]


def test_both_bars_have_one_scale() -> None:
    """What is covered to the cent is as long as what it covers; a shortfall is shorter; the least part can be seen."""
    even = widths(equation([("bank", 1_000_000)], [("client", 999_999), ("suspense", 1)], "told"))
    assert even[0][1] == pytest.approx(even[1][1] + even[2][1], abs=0.2) == 1000
    assert even[2][1] >= 10
    short = widths(equation([("bank", 500)], [("client", 1_000)], "told"))
    assert [width for _, width in short] == [500, 1000]
    assert widths(equation([("bank", 0)], [("client", 0)], "told")) == []


def test_what_is_folded_adds_up() -> None:
    """Of 200 knots a few of each column stay; what goes into each and out of it is what it was, to the unit."""
    chance = random.Random(14)
    knots = [Knot(f"k{each}", each // 40, 0, "client", ("", f"n{each}")) for each in range(200)]
    bands = [
        Band(f"k{source}", f"k{chance.randrange(40) + 40 * (source // 40 + 1)}", chance.randrange(1, 10**9), "client")
        for source in range(160)
        for _ in range(2)
    ]
    moved = {each.key: sum(band.minor for band in bands if each.key in (band.source, band.target)) for each in knots}
    knots = [Knot(each.key, each.column, moved[each.key], "client", each.lines) for each in knots]
    few, fewer = folded(knots, bands, 7, {"knots": "%(num)d others"})
    assert all(sum(each.column == column for each in few) <= 7 for column in range(5))
    assert sum(each.minor for each in few) == sum(each.minor for each in knots)
    assert sum(band.minor for band in fewer) == sum(band.minor for band in bands)
    assert {band.source for band in fewer} | {band.target for band in fewer} <= {each.key for each in few}
    assert "34 others" in "".join(each.lines[1] for each in few)


@pytest.mark.parametrize("is_down", [False, True])
def test_texts_on_ribbons_are_texts(is_down: bool) -> None:
    """Whatever names hold."""
    knots = [Knot("a", 0, 5, "bank", ("5", "<b>&")), Knot("b", 1, 5, "client", ("5", "x"), "/fact/1")]
    picture = flow(knots, [Band("a", "b", 5, "bank")], (), 'told "<"', is_down=is_down)
    assert "&lt;b&gt;&amp;" in picture
    assert 'aria-label="told &#34;&lt;&#34;"' in picture


def test_ten_years_are_a_small_picture_with_their_extremes() -> None:
    """36,500 movements are drawn by their extremes; the highest and the lowest are among them."""
    chance = random.Random(14)
    points = [(at * DAY_NS // 10, chance.randrange(10**6)) for at in range(36_500)]
    points[20_000] = (points[20_000][0], 5 * 10**6)
    points[30_000] = (points[30_000][0], -5)
    end_ns = points[-1][0]
    across, down = (balance(points, end_ns, WORDS, is_down=is_down) for is_down in (False, True))
    read = " ".join(f"{at // 10**9}:{minor}" for at, minor in thinned(points, READ_COLUMNS, end_ns))
    assert len(across) + len(down) + len(read) <= MOST_BYTES
    assert "highest 5000000" in across
    assert "lowest -5" in across
    kept = thinned(points, 400, end_ns)
    assert kept == sorted(kept)
    assert {5 * 10**6, -5} <= {minor for _, minor in kept}


@pytest.mark.parametrize("highest", range(6))
@pytest.mark.parametrize("is_down", [True, False])
def test_what_extremes_are_called_stays_within_the_picture(*, highest: int, is_down: bool) -> None:
    """Wherever they are, also where the end is told by a clock that is behind."""
    points = [(at * DAY_NS, 900 if at == highest else at) for at in range(6)]
    picture = balance(points, DAY_NS // 2, WORDS, is_down=is_down)
    width = float(re.findall(r'viewBox="0 0 (\d+)', picture)[0])
    found = re.findall(r'class="extreme" text-anchor="(\w+)" x="([\d.]+)"', picture)
    assert len(found) == 2
    for anchor, x in found:
        room = float(x) if anchor == "end" else width - float(x)
        assert width / 2 <= room <= width


def test_an_id_looks_the_same_everywhere() -> None:
    """And another one otherwise."""
    assert glyph(UUID(int=7)) == glyph(UUID(int=7))
    assert glyph(UUID(int=7)) != glyph(UUID(int=8))


@pytest.mark.parametrize("columns", [3, 4, 6])
def test_words_at_neighbouring_columns_do_not_meet(columns: int) -> None:
    """Those of the last column end where it stands: they share the room with those of the one before."""
    rooms = [letters_across(column, columns) for column in range(columns)]
    assert rooms[-2] + rooms[-1] <= rooms[0]
    assert set(rooms[:-2]) == {rooms[0]}
    assert min(rooms) >= 8
