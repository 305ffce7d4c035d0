"""Reports as PDF: the same report, the same bytes. Chinese is set in a font that every reader of PDF brings along."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import CondPageBreak, Flowable, Paragraph, SimpleDocTemplate, Spacer, TableStyle
from reportlab.platypus import Table as Grid

from ringfence_audit.reports.adapters.headers import header
from ringfence_audit.reports.domain.report import Kind, Report, Table
from ringfence_audit.reports.domain.showing import rows_of
from ringfence_audit.reports.domain.words import Language, word

_CHINESE_FONT = "STSong-Light"
_FONT = "Helvetica"
_NOT_LATIN = re.compile("[^\\x00-\\u024f\\u2010-\\u2027]+")
_MARGIN = 12 * mm
_WITH_A_HEADING = 35 * mm
"""What a page must have left for a table to begin there: its headings and some rows."""
_SMALL, _NORMAL, _TITLE = 6.5, 8, 14
_RIGHT = frozenset({Kind.AMOUNT, Kind.COUNT})


def as_pdf(report: Report, language: Language) -> bytes:
    """Returns the file on A4, landscape."""
    pdfmetrics.registerFont(UnicodeCIDFont(_CHINESE_FONT))
    buffer = io.BytesIO()
    document = SimpleDocTemplate(
        buffer,
        pagesize=landscape(A4),
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=word(report.name, language),
        author=report.under.origin,
        invariant=True,
    )
    document.build(list(_flowables(report, language, document.width)))
    return buffer.getvalue()


def _flowables(report: Report, language: Language, width: float) -> Iterator[Flowable]:
    yield Paragraph(_text(word(report.name, language)), _style(_TITLE))
    yield Spacer(1, 3 * mm)
    for name, value in header(report, language)[1:]:
        yield Paragraph(f"{_text(name)}: {_text(value)}", _style(_NORMAL))
    for table in report.tables:
        yield CondPageBreak(_WITH_A_HEADING)
        yield Spacer(1, 5 * mm)
        yield Paragraph(_text(word(table.name, language)), _style(_TITLE - 4))
        yield Spacer(1, 1.5 * mm)
        yield _grid(table, language, width)


def _grid(table: Table, language: Language, width: float) -> Grid:
    styles = [_style_of(column.kind, language) for column in table.columns]
    heads = [
        Paragraph(_text(word(column.name, language)), style)
        for column, style in zip(table.columns, styles, strict=True)
    ]
    nothing = [f"({word('none', language)})", *[""] * (len(table.columns) - 1)]
    rows = [
        [Paragraph(_text(text), style) for text, style in zip(row, styles, strict=True)]
        for row in rows_of(table, language) or [nothing]
    ]
    widths = [_WEIGHTS[column.kind] for column in table.columns]
    return Grid(
        [heads, *rows],
        colWidths=[width * each / sum(widths) for each in widths],
        repeatRows=1,
        style=TableStyle(
            [
                ("GRID", (0, 0), (-1, -1), 0.25, colors.grey),
                ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 2),
                ("RIGHTPADDING", (0, 0), (-1, -1), 2),
            ]
        ),
    )


_WEIGHTS = {
    Kind.AMOUNT: 4,
    Kind.COUNT: 2,
    Kind.CURRENCY: 3,
    Kind.CODE: 5,
    Kind.DAY: 3.5,
    Kind.TIME: 4,
    Kind.WORD: 4,
    Kind.ID: 6.3,
    Kind.DIGEST: 8,
    Kind.TEXT: 8,
    Kind.SENTENCE: 14,
}


def _style_of(kind: Kind, language: Language) -> ParagraphStyle:
    """Returns how a column is set: numbers to the right; Chinese, ids and digests break anywhere."""
    anywhere = language is Language.CHINESE or kind in (Kind.ID, Kind.DIGEST)
    return _style(_SMALL, alignment=TA_RIGHT if kind in _RIGHT else TA_LEFT, wordWrap="CJK" if anywhere else None)


def _style(size: float, **more: Any) -> ParagraphStyle:
    return ParagraphStyle("text", fontName=_FONT, fontSize=size, leading=size * 1.25, **more)


def _text(value: str) -> str:
    """Returns a text with all that is not Latin set in the other font, which has no good digits."""
    return _NOT_LATIN.sub(rf'<font name="{_CHINESE_FONT}">\g<0></font>', escape(value))
