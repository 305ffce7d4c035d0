"""What Sphinx does for these pages beyond its own: words that are links, rows that have ids, links between languages.

Not a word of it is in the documents, which are read in the repository too.
"""

from __future__ import annotations

import posixpath
import zlib
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from docs.site import diagrams, sidebar
from docs.site.catalogues import TRANSLATED
from docs.site.terms import ROWS, row_id, terms

WIDE = 4
"""Columns from which on a table is too wide for a phone."""


class Outside(SphinxPostTransform):
    """Links from a translated page to one that is not lead to the English page."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        """Replaces them before MyST looks for a page of this language."""
        for node in list(self.document.findall(pending_xref)):
            target = node["reftarget"]
            if node.get("refdomain") == "doc" and target not in self.env.found_docs:
                address = _english(self.env.docname, target, node.get("reftargetid") or "")
                link = nodes.reference("", "", *node.children, refuri=address, internal=True)
                node.replace_self(link)


class Words(SphinxPostTransform):
    """Code that names a document, a refusal, a setting, a metric or a command is a link to it."""

    default_priority = 20

    def run(self, **kwargs: Any) -> None:
        """Wraps such code, but where it is in a heading, in a link already or what it would lead to."""
        if self.app.builder.format != "html":
            return
        known = terms(Path(self.env.srcdir))
        for node in list(self.document.findall(nodes.literal)):
            found = known.get(node.astext().rstrip(":"))
            if found is None or _is_inside(node, nodes.reference, nodes.title) or _is_name_of_row(node):
                continue
            target, anchor = found
            if target == self.env.docname and not anchor:
                continue
            if target in self.env.found_docs:
                address = self.app.builder.get_relative_uri(self.env.docname, target)
                address += f"#{anchor}" if anchor else ""
            else:
                address = _english(self.env.docname, target, anchor)
            link = nodes.reference("", "", refuri=address, internal=True, classes=["word"])
            node.replace_self(link)
            link += node


def _english(here: str, target: str, anchor: str) -> str:
    """Returns the way from a Chinese page, which stands below `zh`, to an English one."""
    way = posixpath.relpath(f"{target}.html", posixpath.dirname(f"zh/{here}"))
    return f"{way}#{anchor}" if anchor else way


def _is_inside(node: nodes.Node, *kinds: type[nodes.Node]) -> bool:
    parent = node.parent
    while parent is not None:
        if isinstance(parent, kinds):
            return True
        parent = parent.parent
    return False


def _name_of_row(row: nodes.row) -> str:
    """Returns the code that is alone in a row's first cell."""
    cell = row.children[0]
    literals = list(cell.findall(nodes.literal))
    return literals[0].astext() if len(literals) == 1 and literals[0].astext() == cell.astext() else ""


def _is_name_of_row(node: nodes.literal) -> bool:
    entry = node.parent.parent
    return isinstance(entry, nodes.entry) and entry.parent.children[0] is entry and _name_of_row(entry.parent) != ""


def name_rows(app: Sphinx, document: nodes.document) -> None:
    """Gives the rows of the reference ids, by which other pages lead to them."""
    if app.env.docname in ROWS:
        given: set[str] = set()
        for row in document.findall(nodes.row):
            name = _name_of_row(row)
            if name and row_id(name) not in given:
                given.add(row_id(name))
                row["ids"].append(row_id(name))


def name_columns(app: Sphinx, document: nodes.document) -> None:
    """Has each cell of a table of many columns say its column's name, which is shown where there is little room."""
    for table in document.findall(nodes.table):
        rows = list(table.findall(nodes.row))
        heads = [cell.astext() for cell in rows[0].children] if rows else []
        if len(heads) < WIDE:
            continue
        table["classes"].append("wide")
        for row in rows[1:]:
            for head, cell in zip(heads[1:], row.children[1:], strict=False):
                if cell.children and head:
                    cell.insert(0, nodes.inline("", head, classes=["column"]))


def of_this_language(app: Sphinx, page: str, source: list[str]) -> None:
    """Takes out of the trees, which name pages from the root, those that this language does not have."""
    if app.config.include_patterns != ["**"]:
        lines = source[0].splitlines(keepends=True)
        source[0] = "".join(line for line in lines if not line.startswith("/") or line[1:-1] in app.env.found_docs)


def is_told_already(app: Sphinx, what: str, name: str, value: Any, skip: bool, options: Any) -> bool | None:
    """Leaves out fields of records: their signatures have them, and the docstring of the record what they are."""
    is_field = what in {"class", "exception"} and not callable(value) and not isinstance(value, Enum | property)
    return True if is_field and type(value).__name__ not in {"classmethod", "staticmethod", "cached_property"} else None


class Mermaid(Directive):  # type: ignore[misc]  # docutils has no types
    """A picture that is written as text; what it is told is drawn when the page is built."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """Returns the drawing."""
        try:
            drawn = diagrams.draw("\n".join(self.content))
        except diagrams.NotDrawn as error:
            raise self.error(str(error)) from None
        return [nodes.raw("", drawn, format="html")]


def languages(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Tells the page where it stands in the other language."""
    is_english = app.config.language == "en"
    twin = page if page.split("/")[0] in TRANSLATED else "index"
    here = posixpath.dirname(page if is_english else f"zh/{page}")
    context["other_language"] = posixpath.relpath(f"zh/{twin}.html" if is_english else f"{twin}.html", here or ".")
    context["is_english"] = is_english


def setup(app: Sphinx) -> dict[str, Any]:
    """Registers all of it."""
    app.add_post_transform(Outside)
    app.add_post_transform(Words)
    app.add_directive("mermaid", Mermaid)
    app.connect("source-read", of_this_language)
    app.connect("autodoc-skip-member", is_told_already)
    app.connect("doctree-read", name_rows)
    app.connect("doctree-read", name_columns)
    app.connect("html-page-context", languages)
    # Before Furo, which asks for the tree.
    app.connect("html-page-context", sidebar.replace_toctree, priority=100)
    # What was read by other code is read again.
    own = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py")))
    return {"env_version": zlib.crc32(own), "parallel_read_safe": True, "parallel_write_safe": True}
