"""A first look at audit's own pages: all books that the reader is shown, by one fold, and the newest facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from ringfence_console import ports
from ringfence_desk.safeguarding import CLIENT, GUARANTEE, SUSPENSE, Equation, grown_minor

from ringfence_audit.console.adapters.log_facts import LoggedFacts
from ringfence_audit.console.adapters.telling import told
from ringfence_audit.console.application.asking import Asking, Methods
from ringfence_audit.console.application.viewing import LOOKING

LATEST = 400


class Totals(Protocol):
    """What the accounts of a class come to."""

    @property
    def accounts(self) -> int:
        """How many."""

    @property
    def balance_minor(self) -> int:
        """What is owed to the holders."""

    @property
    def debits_pending_minor(self) -> int:
        """What is reserved."""

    @property
    def positive_minor(self) -> int:
        """What is positive of each."""


@dataclass(slots=True)
class OverviewedFacts(LoggedFacts):
    """The log with its overview; nothing in it is proven by who looks, nor are payments counted here."""

    methods: Methods = field(kw_only=True)
    asking: Asking = field(kw_only=True)
    known: Callable[[], Sequence[tuple[UUID, int]]] = field(kw_only=True)

    def overview(self, view: ports.View) -> ports.Overview:
        """Computes the books of all platforms that are shown; the view is one fact."""
        known = self.known()
        with told():
            keys = [(platform.bytes, ledger) for platform, ledger in known]
            _, books = self.asking(self.methods.every_book, keys, view.page, view.subject, view.options)
        # Books take their time: what was signed meanwhile comes with the next view.
        recorded = LOOKING.get().recorded[view.page, view.subject, view.options]
        latest = self.reading(view, recorded).newest(LATEST)
        found = [_book(*key, each.totals) for key, each in zip(known, books, strict=True) if each.accounts]
        return ports.Overview(found, None, latest, self.standing(view))


def _book(platform_id: UUID, ledger: int, totals: Mapping[str, Totals]) -> ports.Book:
    by_class = {name.upper(): each for name, each in totals.items()}
    grown = {name: grown_minor(name, each.balance_minor) for name, each in by_class.items()}
    client = by_class.get(CLIENT)
    return ports.Book(
        platform_id=platform_id,
        ledger=ledger,
        equation=Equation.of(grown, client.positive_minor if client else 0),
        suspense_minor=grown.get(SUSPENSE, 0),
        guarantee_minor=grown.get(GUARANTEE, 0),
        reserved_minor=client.debits_pending_minor if client else 0,
        client_accounts=client.accounts if client else 0,
    )
