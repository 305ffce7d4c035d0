"""How events become state: the only way, for a replay and for a decision alike."""

from __future__ import annotations

from typing import Any

from ringfence_kernel.writing.journal import Journal

from ringfence_custody.ledger.domain.book import Book
from ringfence_custody.ledger.domain.change_accounts import apply_freeze, apply_release, apply_standing, apply_status
from ringfence_custody.ledger.domain.columns import split_ids
from ringfence_custody.ledger.domain.create_accounts import apply_accounts
from ringfence_custody.ledger.domain.events import (
    AccountsCreated,
    AccountsFrozen,
    AccountsReleased,
    AccountStatusChanged,
    MigrationClosed,
    MigrationOpened,
    OwnerStandingChanged,
    RulesAdopted,
    TransfersCreated,
    TransfersEvidenced,
    TransfersExpired,
)
from ringfence_custody.ledger.domain.migrations import apply_closing, apply_opening
from ringfence_custody.ledger.domain.rule_packs import apply_rules


def apply(book: Book, event: Any, journal: Journal) -> None:
    """Takes in one event of the book; raises TypeError for an event of another kind.

    Every change can be taken back by the journal, but for TransfersCreated: that is decided and undone by the book
    itself, and comes here only when it is committed.
    """
    match event:
        case TransfersCreated():
            book.apply_transfers(event)
        case AccountsCreated():
            journal.call(setattr, book, "last_timestamp", book.last_timestamp)
            apply_accounts(book, event)
            journal.call(book.accounts.cut, event.first_index)
        case TransfersExpired():
            expired = [book.pending[identifier] for identifier in split_ids(event.id)]
            book.expire(expired)
            journal.call(book.unexpire, expired)
            journal.call(setattr, book, "last_timestamp", book.last_timestamp)
            book.last_timestamp = max(book.last_timestamp, event.timestamp_ns)
        case OwnerStandingChanged():
            apply_standing(book, event, journal)
        case AccountsFrozen():
            apply_freeze(book, event, journal)
        case AccountsReleased():
            apply_release(book, event, journal)
        case AccountStatusChanged():
            apply_status(book, event, journal)
        case RulesAdopted():
            apply_rules(book, event, journal)
        case MigrationOpened():
            apply_opening(book, event, journal)
        case MigrationClosed():
            apply_closing(book, event, journal)
        case TransfersEvidenced():
            # The transfers say what moved; this says on what they rest.
            pass
        case _:
            raise TypeError(f"{type(event).__name__} is not an event of a book")
