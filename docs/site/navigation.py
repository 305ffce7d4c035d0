"""What stands where in the site's navigation: the ways in, and what each leads through.

The documents themselves name their next pages as links, so that they are read in the repository too; this only gives
the site its tree. A document that is named nowhere is below `engineer/index`, so that none is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

ROOT_PAGE = "index"
WAYS: Sequence[tuple[str, str]] = (
    ("Ways in", "supervisor/index platform/index operator/index engineer/index"),
    ("Look up", "reference/index parts/index"),
)
"""Captions of the first page's trees, and what stands below each."""

ENTRIES: dict[str, str] = {
    "supervisor/index": (
        "supervisor/first-proof supervisor/invitation supervisor/questions supervisor/find supervisor/trace"
        " supervisor/books supervisor/access supervisor/console supervisor/dossier supervisor/watch-the-log"
        " supervisor/safeguarding-day supervisor/reports supervisor/terms"
    ),
    "platform/index": "platform/first-payment platform/refusals ledger",
    "operator/index": (
        "operator/install operator/let-a-supervisor-in"
        " parts/deploy/helm/ringfence/index parts/deploy/helm/ringfence/UPGRADING"
        " parts/deploy/platform/index parts/infra/terraform/index parts/tools/bootstrap/index parts/deploy/images/index"
        " sizing safeguarding statements reconciliation registers runbooks/index"
    ),
    "engineer/index": "architecture formats texts scenario chaos bench adr/index",
    "runbooks/index": "runbooks/*",
    "adr/index": "adr/*",
    "parts/index": "parts/*",
    "reference/index": "reference/* errors telemetry",
}
"""Pages below a page; a star stands for all of a folder that are named nowhere else."""
LAST = "engineer/index"
SHOWN = {"adr/index"}
"""Pages that show what is below them."""


def trees(pages: Iterable[str]) -> dict[str, str]:
    """Returns, by page, the trees that are appended to it, as MyST.

    Every page stands below exactly one other. Raises KeyError where an entry names a page that is not there.
    """
    there = set(pages)
    named = {each for entries in ENTRIES.values() for each in entries.split() if not each.endswith("*")}
    named |= {each for _, entries in WAYS for each in entries.split()} | {ROOT_PAGE}
    if missing := sorted(named - there):
        raise KeyError(f"the navigation names pages that are not there: {', '.join(missing)}")
    found = {ROOT_PAGE: "".join(_tree(entries.split(), caption) for caption, entries in WAYS)}
    left = there - named
    for parent, entries in ENTRIES.items():
        below: list[str] = []
        for entry in entries.split():
            globbed = sorted(page for page in left if entry.endswith("*") and page.startswith(entry[:-1]))
            left -= set(globbed)
            below += globbed or ([] if entry.endswith("*") else [entry])
        found[parent] = _tree(below, is_shown=parent in SHOWN)
    found[LAST] += _tree(sorted(left)) if left else ""
    return found


def _tree(pages: Sequence[str], caption: str = "", *, is_shown: bool = False) -> str:
    lines = [
        ":maxdepth: 1" if is_shown else ":hidden:",
        *([f":caption: {caption}"] if caption else []),
        "",
        *(f"/{page}" for page in pages),
    ]
    return "\n```{toctree}\n" + "\n".join(lines) + "\n```\n"
