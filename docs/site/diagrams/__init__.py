"""Pictures that the documents write as Mermaid text, drawn when the site is built: no script, no foreign asset."""

from __future__ import annotations

from docs.site.diagrams import graphs, sequences
from docs.site.diagrams.reading import NotDrawn, Sequence, read

__all__ = ["NotDrawn", "draw"]


def draw(text: str) -> str:
    """Returns a picture as HTML: drawings, and beneath them all that they show as text; raises NotDrawn."""
    drawn = [sequences.draw(each) if isinstance(each, Sequence) else graphs.draw(each) for each in read(text)]
    return f'<div class="diagram">{"".join(drawn)}</div>'
