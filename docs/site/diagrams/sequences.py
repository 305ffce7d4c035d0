"""Draws what passes between participants: one column each, one row a message."""

from __future__ import annotations

from html import escape

from docs.site.diagrams.reading import Message, Sequence

_COLUMN, _ROW, _HEAD, _CHARACTER = 106, 40, 56, 6.6
"""Pixels: of a column, of a message, of the names above; of a character at the size that messages have."""
_NAME = 13
"""Characters of a name from which on it takes two lines."""


def draw(sequence: Sequence) -> str:
    """Returns a picture and the same as a list."""
    centres = {name: _COLUMN * index + _COLUMN // 2 for index, name in enumerate(sequence.participants)}
    width, height = _COLUMN * len(centres), _HEAD + _ROW * len(sequence.messages) + 16
    parts = [_participant(sequence, name, x, height) for name, x in centres.items()]
    for index, message in enumerate(sequence.messages):
        parts.append(_message(message, centres, _HEAD + _ROW * index + 30, width))
    picture = f'<svg viewBox="0 0 {width} {height}" width="{width}" aria-hidden="true">{"".join(parts)}</svg>'
    return f'<div class="picture">{picture}</div>{_told(sequence)}'


def _participant(sequence: Sequence, name: str, x: int, height: int) -> str:
    label = sequence.participants[name]
    first, _, second = label.partition(" ") if len(label) > _NAME else (label, "", "")
    written = "".join(
        f'<text class="name" x="{x}" y="{y}" text-anchor="middle">{escape(line)}</text>'
        for line, y in ([(first, 21), (second, 36)] if second else [(label, 29)])
    )
    return (
        f'<line class="life" x1="{x}" y1="46" x2="{x}" y2="{height}"/>'
        f'<rect class="node" x="{x - _COLUMN // 2 + 3}" y="4" width="{_COLUMN - 6}" height="42" rx="4"/>{written}'
    )


def _message(message: Message, centres: dict[str, int], y: int, width: int) -> str:
    if message.over:
        places = [centres[name] for name in message.over]
        return _text(message.text, (min(places) + max(places)) / 2, y, width, "note")
    start, end = centres[message.source], centres[message.target]
    answer = " answer" if message.is_answer else ""
    if start == end:
        line = f'<path class="edge{answer}" d="M{start} {y} h22 v12 h-17"/>{_head(start + 5, y + 12, -1)}'
        return line + _text(message.text, start + 28, y - 5, width, "said", anchor="start")
    way = 1 if end > start else -1
    line = f'<line class="edge{answer}" x1="{start}" y1="{y}" x2="{end - way * 5}" y2="{y}"/>{_head(end, y, way)}'
    return line + _text(message.text, (start + end) / 2, y - 6, width, "said")


def _head(x: int, y: int, way: int) -> str:
    return f'<path class="head" d="M{x} {y} l{-way * 8} -4 v8 z"/>'


def _text(text: str, x: float, y: int, width: int, kind: str, *, anchor: str = "middle") -> str:
    """Returns a text that stays within the picture."""
    extent = len(text) * _CHARACTER
    if anchor == "middle":
        x = min(max(x, extent / 2 + 4), width - extent / 2 - 4)
    elif x + extent > width:
        x, anchor = width - 4, "end"
    return f'<text class="{kind}" x="{x:g}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _told(sequence: Sequence) -> str:
    names = sequence.participants
    rows = []
    for each in sequence.messages:
        who = f"{names[each.source]} → {names[each.target]}: " if not each.over else ""
        rows.append(f"<li>{escape(who)}{escape(each.text)}</li>")
    return f"<details><summary>As text</summary><ol>{''.join(rows)}</ol></details>"
