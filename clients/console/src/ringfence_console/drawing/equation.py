"""Two bars of one scale: what is there, and to whom it is owed."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape
from ringfence_desk.visible import visible

_WIDTH, _HEIGHT, _GAP = 1000.0, 22, 6
_LEAST = 10.0
"""What there is at all can be seen, however little it is."""


def equation(there: Sequence[tuple[str, int]], owed: Sequence[tuple[str, int]], told: str) -> Markup:
    """Draws parts by class and minor units: above what is there, below what is owed; `told` says it in words."""
    most = max(_sum(there), _sum(owed), 1)
    bars = [*_bar(there, most, 0), *_bar(owed, most, _HEIGHT + _GAP)]
    box = f"0 0 {_WIDTH:g} {2 * _HEIGHT + _GAP}"
    said = f'role="img" aria-label="{escape(visible(told))}"'
    head = f'<svg class="equation-bars" viewBox="{box}" preserveAspectRatio="none" {said}>'
    return Markup(f"{head}{''.join(bars)}</svg>")


def _bar(parts: Sequence[tuple[str, int]], most: int, top: int) -> list[str]:
    shown = [(name, minor) for name, minor in parts if minor > 0]
    widths = [max(minor / most * _WIDTH, _LEAST) for _, minor in shown]
    beyond = sum(widths) - max(_sum(parts) / most * _WIDTH, _LEAST if shown else 0)
    if beyond > 0:
        # The widest part gives what the smallest were given.
        widths[widths.index(max(widths))] -= beyond
    drawn, left = [], 0.0
    for (name, _), width in zip(shown, widths, strict=True):
        drawn.append(f'<rect class="{name}" x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_HEIGHT}"/>')
        left += width
    return drawn


def _sum(parts: Sequence[tuple[str, int]]) -> int:
    return sum(minor for _, minor in parts if minor > 0)
