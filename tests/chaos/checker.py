"""Compares everything acknowledged with the final books; pure, so that it can be shown to find what it should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields
from uuid import UUID

from ringfence.ledger import Account, Balances, NewTransfer, Transfer, TransferFlag

from .books import Books
from .fates import Fate, contradictions, fates_of, wrong_answers
from .findings import Finding, Kind
from .journal import Answered, Journal, Opened

RESOLVES = TransferFlag.POST_PENDING_TRANSFER | TransferFlag.VOID_PENDING_TRANSFER
MOVES_NOTHING = TransferFlag.PENDING | TransferFlag.VOID_PENDING_TRANSFER


def check(journal: Journal, books: Books) -> list[Finding]:
    """Returns every difference between what was acknowledged and the books."""
    fates = fates_of(journal.transfers)
    return [
        *wrong_answers(journal.transfers),
        *contradictions(fates),
        *_check_transfers(fates, books),
        *_check_accounts(journal.accounts, books.accounts),
        *(finding for account in books.accounts for finding in _check_statement(account, books)),
        *_check_lines(fates, books),
        *_check_reservations(fates, books.accounts),
        *_check_totals(fates, books),
    ]


def acknowledged_transfers(journal: Sequence[Answered]) -> int:
    """Returns how many transfers were acknowledged as standing in the ledger."""
    return sum(fate.stands for fate in fates_of(journal).values())


def _check_transfers(fates: dict[UUID, Fate], books: Books) -> Iterator[Finding]:
    """Every transfer that stands is there once, as asked and at its time; nothing that was refused is there."""
    found: dict[UUID, list[Transfer]] = {}
    for transfer in books.transfers:
        found.setdefault(transfer.id, []).append(transfer)
    for identifier, fate in fates.items():
        there = found.pop(identifier, [])
        if fate.stands and not there:
            yield Finding(Kind.LOST, f"transfer {identifier} was acknowledged and is not in the ledger")
        if not fate.stands and there:
            yield Finding(Kind.INVENTED, f"transfer {identifier} was refused ({fate.refusals}) and is in the ledger")
        if len(there) > 1:
            yield Finding(Kind.DOUBLED, f"transfer {identifier} is in the ledger {len(there)} times")
        if fate.stands:
            for transfer in there:
                yield from _differences(fate, transfer)
    for identifier in found:
        yield Finding(Kind.INVENTED, f"transfer {identifier} is in the ledger and was never asked for")


def _differences(fate: Fate, transfer: Transfer) -> Iterator[Finding]:
    for name in (field.name for field in fields(NewTransfer)):
        asked, stands = getattr(fate.stored, name), getattr(transfer, name)
        by_default = name == "value_date" and asked is None
        if asked != stands and not by_default:
            yield Finding(Kind.ALTERED, f"transfer {transfer.id} has {name} {stands}, not {asked}")
    if fate.times and transfer.timestamp_ns not in fate.times:
        times = f"{transfer.timestamp_ns}, acknowledged {fate.times}"
        yield Finding(Kind.ALTERED, f"transfer {transfer.id} has another time: {times}")


def _check_accounts(journal: Sequence[Opened], accounts: Sequence[Account]) -> Iterator[Finding]:
    """Every account acknowledged is there once, at the one time that was acknowledged."""
    there = {account.id: account for account in accounts}
    counts = Counter(account.id for account in accounts)
    times: dict[UUID, set[int]] = {}
    for opened in journal:
        for asked, result in zip(opened.rows, opened.results, strict=True):
            if not result.done:
                yield Finding(Kind.UNEXPECTED, f"account {asked.id} was answered {result.status}")
            if result.status == "exists" and not opened.sent_again and asked.id not in times:
                yield Finding(Kind.UNEXPECTED, f"account {asked.id} existed before it was asked for")
            times.setdefault(asked.id, set()).add(result.timestamp_ns)
    for identifier, acknowledged in times.items():
        if identifier not in there:
            yield Finding(Kind.LOST, f"account {identifier} was acknowledged and is not in the book")
        elif counts[identifier] > 1:
            yield Finding(Kind.DOUBLED, f"account {identifier} is in the book {counts[identifier]} times")
        elif acknowledged != {there[identifier].timestamp_ns}:
            yield Finding(Kind.ALTERED, f"account {identifier} has another time than the acknowledged {acknowledged}")
    for identifier in there.keys() - times.keys():
        yield Finding(Kind.INVENTED, f"account {identifier} is in the book and was never asked for")


def _check_statement(account: Account, books: Books) -> Iterator[Finding]:
    """The statement adds up line by line to the balance, and its debits and credits to the account's."""
    lines = books.statements[account.id]
    balance = 0
    for line in lines:
        balance += line.change_minor
        if line.balance_minor != balance:
            text = f"account {account.id} shows {line.balance_minor} after {line.transfer_id}, its lines add up to"
            yield Finding(Kind.UNBALANCED, f"{text} {balance}")
            return
    debits = -sum(line.change_minor for line in lines if line.change_minor < 0)
    credits = sum(line.change_minor for line in lines if line.change_minor > 0)
    if (debits, credits) != (account.balances.debits_posted_minor, account.balances.credits_posted_minor):
        text = f"account {account.id} has {account.balances}, its statement debits {debits} and credits {credits}"
        yield Finding(Kind.UNBALANCED, text)


def _check_lines(fates: dict[UUID, Fate], books: Books) -> Iterator[Finding]:
    """Every transfer that moved money is on the statement of either account once, with its amount, and none else is."""
    expected: Counter[tuple[UUID, tuple[UUID, int]]] = Counter()
    for identifier, fate in fates.items():
        stored = fate.stored
        if fate.stands and not stored.flags & MOVES_NOTHING:
            assert stored.debit_account_id is not None
            assert stored.credit_account_id is not None
            expected[stored.debit_account_id, (identifier, -stored.amount_minor)] += 1
            expected[stored.credit_account_id, (identifier, stored.amount_minor)] += 1
    for account_id, lines in books.statements.items():
        shown = Counter((line.transfer_id, line.change_minor) for line in lines)
        for key, count in shown.items():
            missing = expected.pop((account_id, key), 0)
            if not missing:
                yield Finding(Kind.INVENTED, f"account {account_id} shows {key[0]} over {key[1]}, which is not so")
            elif count > 1:
                yield Finding(Kind.DOUBLED, f"account {account_id} shows transfer {key[0]} {count} times")
    for account_id, (identifier, _) in expected:
        yield Finding(Kind.LOST, f"account {account_id} does not show transfer {identifier}")


def _check_reservations(fates: dict[UUID, Fate], accounts: Sequence[Account]) -> Iterator[Finding]:
    """What is pending on each account is the sum of its reservations that are neither resolved nor expired."""
    standing = [fate.stored for fate in fates.values() if fate.stands]
    resolved = {each.pending_id for each in standing if each.flags & RESOLVES}
    debits: Counter[UUID | None] = Counter()
    credits: Counter[UUID | None] = Counter()
    for each in standing:
        if each.flags & TransferFlag.PENDING and each.id not in resolved and not each.timeout_seconds:
            debits[each.debit_account_id] += each.amount_minor
            credits[each.credit_account_id] += each.amount_minor
    for account in accounts:
        expected = debits[account.id], credits[account.id]
        found = account.balances.debits_pending_minor, account.balances.credits_pending_minor
        if found != expected:
            text = f"account {account.id} has {found} pending, its open reservations add up to {expected}"
            yield Finding(Kind.UNBALANCED, text)


def _check_totals(fates: dict[UUID, Fate], books: Books) -> Iterator[Finding]:
    """The totals balance, are the sums of the accounts, and count every transfer that stands."""
    standing = sum(fate.stands for fate in fates.values())
    if books.totals.transfers != standing:
        text = f"the totals count {books.totals.transfers} transfers, {standing} were acknowledged"
        yield Finding(Kind.MISCOUNTED, text)
    for currency, balanced in books.totals.balanced_currencies().items():
        if not balanced:
            yield Finding(Kind.UNBALANCED, f"debits and credits differ in {currency}")
    for total in books.totals.classes:
        of_class = [
            account.balances
            for account in books.accounts
            if (account.account_class, account.currency) == (total.account_class, total.currency)
        ]
        if (total.accounts, total.balances) != (len(of_class), _sum(of_class)):
            text = f"the totals of {total.account_class.name} are not the sum of its accounts"
            yield Finding(Kind.UNBALANCED, text)


def _sum(balances: Sequence[Balances]) -> Balances:
    return Balances(
        sum(each.debits_pending_minor for each in balances),
        sum(each.debits_posted_minor for each in balances),
        sum(each.credits_pending_minor for each in balances),
        sum(each.credits_posted_minor for each in balances),
    )
