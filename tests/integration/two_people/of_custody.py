"""The rows of custody."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import UUID

from ringfence.calendars import CalendarYear
from ringfence.client import Client
from ringfence.errors import RingfenceError
from ringfence.identity import require_done
from ringfence.ids import new_id
from ringfence.ledger import AccountClass, AccountStatus, NewAccount, Purpose

from .acts import Act, People, row


@row("AdoptRules")
def adopt_rules(people: People) -> Act:
    """A strict book, which is then back at the minimum."""
    book_id = people.platform().credentials.principal_id
    first, second = people.scenario.operators
    least = first.custody.rules(book_id).purposes
    strict = [replace(each, maximum_minor=1) if each.purpose is Purpose.PAYMENT else each for each in least]
    adopted = first.custody.adopt_rules(book_id, "strict", strict)
    assert adopted is not None
    require_done(second.proposals["custody"].confirm([adopted]))

    def propose(by: Client) -> UUID:
        proposal = by.custody.adopt_rules(book_id, "minimum", least)
        assert proposal is not None
        return proposal

    return Act("custody", propose, lambda: first.custody.rules(book_id).version == "minimum")


@row("ProposeCalendarYear")
def propose_calendar_year(people: People) -> Act:
    """A year that is far off, and whose first Monday is no business day."""
    listed = CalendarYear("CN", 2190, [date(2190, 1, 4)])

    def propose(by: Client) -> UUID:
        proposal = by.calendars.propose_year(listed)
        assert proposal is not None
        return proposal

    first = people.scenario.operators[0]
    return Act("custody", propose, lambda: listed.year in [each.year for each in first.calendars.get("CN").years])


@row("LiftFreeze")
def lift_freeze(people: People) -> Act:
    """An account that an order holds, and that is then free."""
    platform, account, order = people.platform(), new_id(), "ORDER-1/2026"
    book_id, first = platform.credentials.principal_id, people.scenario.operators[0]
    (opened,) = platform.custody.create_accounts(
        [NewAccount(id=account, account_class=AccountClass.SUSPENSE, currency="EUR")]
    )
    assert opened.done
    first.custody.set_freeze(book_id, [account], order_reference=order)
    return Act(
        "custody",
        lambda by: by.custody.lift_freeze(book_id, [account], order_reference=order),
        lambda: first.custody.accounts([account], book_id)[0].status is AccountStatus.ACTIVE,
    )


@row("SetAccountStatus")
def set_account_status(people: People) -> Act:
    """An account that one operator has restricted, and that lets money out again."""
    platform, account = people.platform(), new_id()
    book_id, first = platform.credentials.principal_id, people.scenario.operators[0]
    (opened,) = platform.custody.create_accounts(
        [NewAccount(id=account, account_class=AccountClass.SUSPENSE, currency="EUR")]
    )
    assert opened.done
    restricted = first.custody.set_account_status(book_id, [account], AccountStatus.RESTRICTED, reason="case 1")
    assert (restricted.status, restricted.proposal_id) == ([AccountStatus.RESTRICTED], None)

    def propose(by: Client) -> UUID:
        moved = by.custody.set_account_status(book_id, [account], AccountStatus.ACTIVE, reason="case 1 closed")
        assert moved.proposal_id is not None
        return moved.proposal_id

    return Act("custody", propose, lambda: first.custody.accounts([account], book_id)[0].status is AccountStatus.ACTIVE)


@row("OpenMigration")
def open_migration(people: People) -> Act:
    """A book without a window, which can then be closed."""
    book_id, window = people.platform().credentials.principal_id, new_id()
    first = people.scenario.operators[0]

    def propose(by: Client) -> UUID:
        proposal = by.custody.open_migration(book_id, window, seconds=60, reason="moving in")
        assert proposal is not None
        return proposal

    def is_open() -> bool:
        try:
            first.custody.close_migration(book_id, window, reason="moved in")
        except RingfenceError as error:
            return error.reason != "MIGRATION_WINDOW_UNKNOWN"
        return True

    return Act("custody", propose, is_open)


@row("CloseMigration")
def close_migration(people: People) -> Act:
    """A book with a window, which can then be opened anew."""
    book_id, window = people.platform().credentials.principal_id, new_id()
    first, second = people.scenario.operators
    opening = first.custody.open_migration(book_id, window, seconds=600, reason="moving in")
    assert opening is not None
    require_done(second.proposals["custody"].confirm([opening]))
    return Act(
        "custody",
        lambda by: by.custody.close_migration(book_id, window, reason="moved in"),
        lambda: first.custody.open_migration(book_id, window, seconds=600, reason="moving in") is not None,
    )
