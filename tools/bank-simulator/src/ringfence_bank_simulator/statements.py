"""Statements of some days, as files: camt.053 or MT940, whole or in pages."""

from __future__ import annotations

from ringfence_bank_simulator.booked import Ledger, derived_id
from ringfence_bank_simulator.camt import statement
from ringfence_bank_simulator.mt940 import mt940
from ringfence_bank_simulator.requests import StatementRequest
from ringfence_bank_simulator.spool import safe_name
from ringfence_bank_simulator.tellings import Balances, Entry, Telling, in_pages, with_faults


def statement_files(request: StatementRequest, ledger: Ledger, created_at: str) -> dict[str, bytes]:
    """Returns the files of a statement by name; raises Unreadable for faults that make no sense."""
    pages = [
        page
        for told in with_faults(_whole(request, ledger, created_at), request.faults)
        for page in _pages(told, request)
    ]
    name, files = safe_name(request.message_id), {}
    for number, (page, balances) in enumerate(pages, start=1):
        part = f"-{number}" if len(pages) > 1 else ""
        if request.format == "MT940":
            files[f"{name}-mt940{part}.sta"] = mt940(page, balances)
        else:
            message_id = derived_id("camt.053", request.message_id, part)
            files[f"{name}-camt053{part}.xml"] = statement(message_id, page, balances)
    return files


def _pages(telling: Telling, request: StatementRequest) -> list[tuple[Telling, Balances]]:
    return in_pages(telling, telling.balances, request.pages) if telling.balances else []


def _whole(request: StatementRequest, ledger: Ledger, created_at: str) -> Telling:
    account, currency, first, last = request.account_iban, request.currency, request.first_day, request.last_day
    movements = ledger.between(account, currency, first, last)
    opening = ledger.balance_before(account, currency, first)
    return Telling(
        id=derived_id("statement", request.message_id, account),
        account=account,
        currency=currency,
        created_at=created_at,
        entries=tuple(Entry(each) for each in movements),
        balances=Balances(first, last, opening, sum((each.signed for each in movements), opening)),
        sequence=request.sequence,
    )
