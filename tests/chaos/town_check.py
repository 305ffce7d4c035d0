"""Compares everything acknowledged to a town with identity, payment-instruction, custody and the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from uuid import UUID

from ringfence.identity import KycStatus
from ringfence.payments import Instruction, InstructionStatus
from ringfence_verifier import VerificationError

from .findings import Finding, Kind
from .logged import Logged, wait_until
from .town import FUNDS_MINOR, Town

PAGE = 1_000
REFUSED = frozenset({InstructionStatus.REJECTED, InstructionStatus.CANCELLED, InstructionStatus.EXPIRED})


def check_town(town: Town) -> list[Finding]:
    """Returns every difference, when all that was ordered has ended."""
    return [*_check_people(town), *_check_orders(town)]


def _check_people(town: Town) -> Iterator[Finding]:
    """Every client registered is there once, as far along as was acknowledged; who was erased has no name."""
    ids = list(town.registered)
    found = [
        each for at in range(0, len(ids), PAGE) for each in town.platform.client.identity.parties(ids[at : at + PAGE])
    ]
    times = Counter(each.id for each in found)
    for party in town.registered.keys() - times.keys():
        yield Finding(Kind.LOST, f"party {party} was registered and is not there")
    for each in found:
        if times[each.id] > 1:
            yield Finding(Kind.DOUBLED, f"party {each.id} is there {times[each.id]} times")
        is_erased, expected = each.id in town.erased, town.registered[each.id]
        if (each.erased, each.name) != (is_erased, "" if is_erased else expected):
            yield Finding(Kind.ALTERED, f"party {each.id}: erased {each.erased}, named {each.name!r}, not {expected!r}")
        if (each.kyc_status is KycStatus.VERIFIED) != (each.id in town.verified):
            yield Finding(Kind.ALTERED, f"party {each.id} is {each.kyc_status.name}")


def _check_orders(town: Town) -> Iterator[Finding]:
    """Every payment taken in is there once and has moved its money once; nothing else has."""
    for state in town.answered:
        if state.status in REFUSED:
            yield Finding(Kind.UNEXPECTED, f"{state.instruction_id} was answered {state.status.name} ({state.reason})")
    found = {each.order.id: each for each in _until_ended(town)}
    for identifier, order in town.ordered.items():
        there = found.get(identifier)
        if there is None:
            yield Finding(Kind.LOST, f"instruction {identifier} was taken in and is not there")
        elif there.state.status is not InstructionStatus.SETTLED:
            yield Finding(Kind.LOST, f"instruction {identifier} is {there.state.status.name} ({there.state.reason})")
        elif there.order != order:
            yield Finding(Kind.ALTERED, f"instruction {identifier} is {there.order}, not {order}")
    listed = Counter(each.order.id for each in town.platform.client.payments.list_instructions())
    for identifier, count in listed.items():
        if count > 1:
            yield Finding(Kind.DOUBLED, f"instruction {identifier} is listed {count} times")
        if identifier not in town.ordered:
            yield Finding(Kind.INVENTED, f"instruction {identifier} was never ordered")
    yield from _check_money(town, found)


def _check_money(town: Town, found: dict[UUID, Instruction]) -> Iterator[Finding]:
    """Custody has one transfer for each payment and deposit, and balances as they add up."""
    client = town.platform.client
    transfers = [each.transfer_id for each in found.values() if each.transfer_id]
    if len(set(transfers)) != len(transfers):
        yield Finding(Kind.MISCOUNTED, f"{len(transfers)} payments share {len(set(transfers))} transfers")
    for at in range(0, len(transfers), PAGE):
        page = transfers[at : at + PAGE]
        missing = set(page) - {each.id for each in client.custody.transfers(page)}
        for identifier in missing:
            yield Finding(Kind.LOST, f"transfer {identifier} of a settled payment is not in the ledger")
    totals = client.custody.totals()
    if totals.transfers != len(town.ordered) + town.deposits:
        yield Finding(Kind.MISCOUNTED, f"{totals.transfers} transfers, {len(town.ordered)} payments")
    expected = {each.iban: FUNDS_MINOR for each in town.customers}
    for order in town.ordered.values():
        expected[order.debtor_iban] -= order.amount_minor
        expected[order.creditor_iban] += order.amount_minor
    for each in town.customers:
        if each.account.posted_minor != expected[each.iban]:
            yield Finding(
                Kind.UNBALANCED, f"{each.name} has {each.account.posted_minor}, by the orders {expected[each.iban]}"
            )


def _until_ended(town: Town) -> list[Instruction]:
    """Returns the instructions ordered, once none is under way any more, or after some minutes."""
    ids = list(town.ordered)

    def look() -> list[Instruction]:
        return [
            each
            for at in range(0, len(ids), PAGE)
            for each in town.platform.client.payments.instructions(ids[at : at + PAGE])
        ]

    wait_until(lambda: all(each.state.status is InstructionStatus.SETTLED for each in look()))
    return look()


def check_reading(town: Town, log: Logged) -> Iterator[Finding]:
    """That the regulator was shown a leaf is a fact each time; the log extends every checkpoint ever given."""
    reader = town.regulator.credentials.principal_id
    for leaf, times in town.receipts.items():
        logged = log.receipts[reader, leaf]
        if logged < times:
            yield Finding(Kind.LOST, f"leaf {leaf} was shown {times} times, {logged} times by the log")
    if log.newest is None:
        return
    try:
        for older, newer in pairwise([*town.checkpoints, log.newest]):
            town.regulator.audit.require_extends(older, newer)
    except VerificationError as error:
        yield Finding(Kind.ALTERED, f"the log does not extend what was given: {error}")
