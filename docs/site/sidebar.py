"""The navigation beside each page: opened along the way to the page, closed elsewhere.

Sphinx would resolve and Furo read the whole tree, with all headings, once for every page: most of the time of a build.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def replace_toctree(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Gives the page's template a navigation of its own in place of Sphinx's."""

    def toctree(**options: Any) -> str:
        return "".join(_captioned(app, page))

    context["toctree"] = toctree


def _captioned(app: Sphinx, page: str) -> Iterator[str]:
    way = _way_to(app.env, page)
    root = app.env.get_doctree(app.config.root_doc)
    for tree in root.findall(addnodes.toctree):
        entries = [str(target) for _, target in tree["entries"]]
        if entries:
            if tree.get("caption"):
                caption = escape(tree["caption"])
                yield f'<p class="caption" role="heading"><span class="caption-text">{caption}</span></p>'
            yield from _list(app, page, entries, way, 1)


def _list(app: Sphinx, page: str, entries: list[str], way: set[str], level: int) -> Iterator[str]:
    yield "<ul>"
    for entry in entries:
        current = " current" if entry in way else ""
        address = "#" if entry == page else app.builder.get_relative_uri(page, entry)
        title = escape(app.env.titles[entry].astext())
        yield f'<li class="toctree-l{level}{current}"><a class="{current.strip()} reference internal" href="{address}">'
        yield f"{title}</a>"
        below = app.env.toctree_includes.get(entry, [])
        if below and entry in way:
            yield from _list(app, page, below, way, level + 1)
        yield "</li>"
    yield "</ul>"


def _way_to(env: BuildEnvironment, page: str) -> set[str]:
    """Returns the page and all that it stands below."""
    parents = {child: parent for parent, children in env.toctree_includes.items() for child in children}
    found: set[str] = set()
    while page and page not in found:
        found.add(page)
        page = parents.get(page, "")
    return found
