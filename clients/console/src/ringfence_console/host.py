"""All that a host brings to the pages."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_console.balances import Balances
from ringfence_console.disclosures import Disclosing
from ringfence_console.dossiers import Dossiers
from ringfence_console.ports import Access, Books, Facts, Finding, Reader, Reports
from ringfence_console.work import Days, Parts, Work


@dataclass(frozen=True, kw_only=True)
class Host:
    """All that a host brings; what is None has no pages."""

    reader: Reader
    facts: Facts
    reads_log: bool = True
    """Whether its reader may read the log at all: without, no page asks `facts`."""
    has_overview: bool = True
    """Whether it tells what all facts come to."""
    finding: Finding | None = None
    books: Books | None = None
    balances: Balances | None = None
    reports: Reports | None = None
    access: Access | None = None
    disclosing: Disclosing | None = None
    dossiers: Dossiers | None = None
    work: Work | None = None
    days: Days | None = None
    parts: Parts | None = None
    documents: str = ""
    """Where the documents are served, for runbooks to be links: an address without a slash at its end; else empty."""
