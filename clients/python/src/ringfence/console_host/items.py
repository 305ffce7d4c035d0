"""Open work as one list: what the caller's principal may see of it, of one platform or of all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from uuid import UUID

from ringfence_console.beside import Money
from ringfence_console.work import Item, Subject

from ringfence.client import Client
from ringfence.flows import SuspendedEntry
from ringfence.money import ledger_of
from ringfence.payments import Instruction, InstructionStatus
from ringfence.proposals import Proposal
from ringfence.reconciliation import Break
from ringfence.registers import Mirror
from ringfence.safeguarding import DayStatus, SafeguardingDay
from ringfence.statements import HeldEntry, StatementException

SANCTIONS_HIT = "SANCTIONS_HIT"
_NANOSECONDS = 1_000_000_000


def waiting(client: Client) -> Iterator[Item]:
    """Yields all that waits, in no order. Whoever belongs to a platform sees what waits there for a second person."""
    own = client.credentials.tenant_id
    mirrors = [] if own else list(client.registers.mirrors())
    for tenant in [own] if own else sorted({each.book_id for each in mirrors}):
        for held in client.payments.list_instructions(tenant, status=InstructionStatus.HELD):
            yield payment_item(tenant, held)
        if not own:
            for day in client.safeguarding.days(tenant):
                if day.status is not DayStatus.SIGNED:
                    yield day_item(day)
            for lying in client.flows.all_suspended(tenant):
                yield suspense_item(tenant, lying)
    for service, proposals in client.proposals.items():
        for proposal in proposals.waiting():
            yield proposal_item(service, proposal)
    if own:
        return
    for mirror in mirrors:
        for found in client.statements.exceptions(mirror.book_id, mirror.account_id):
            yield exception_item(mirror, found)
        for entry in client.statements.held_entries(mirror.book_id, mirror.account_id):
            yield entry_item(mirror, entry)
    for each in client.reconciliation.breaks():
        yield break_item(each)


def payment_item(tenant: UUID, held: Instruction) -> Item:
    """A payment that waits for a second person, or that a list has stopped."""
    subject = Subject.HIT if held.state.reason == SANCTIONS_HIT else Subject.PAYMENT
    return Item(
        subject=subject,
        key=f"{tenant}.{held.state.instruction_id}",
        reason=held.state.reason or held.state.status.name,
        since_ns=held.changed_ns,
        tenant_id=tenant,
        money=Money(held.order.amount_minor, ledger_of(held.order.currency)),
        text=held.order.creditor_name,
    )


def proposal_item(service: str, proposal: Proposal) -> Item:
    """What somebody has proposed in a service."""
    return Item(
        subject=Subject.PROPOSAL,
        key=f"{service}.{proposal.id}",
        reason=proposal.effect,
        since_ns=proposal.made_ns,
        tenant_id=proposal.tenant_id,
        due_ns=proposal.expires_ns,
        text=proposal.description,
    )


def exception_item(mirror: Mirror, found: StatementException) -> Item:
    """A telling of a bank that posts nothing."""
    return Item(
        subject=Subject.EXCEPTION,
        key=f"{mirror.book_id}.{mirror.account_id}.{found.telling_id}",
        reason=found.kind,
        since_ns=int(found.recorded_at.timestamp() * 1_000_000) * 1_000,
        tenant_id=mirror.book_id,
        text=found.text,
    )


def entry_item(mirror: Mirror, found: HeldEntry) -> Item:
    """An entry of a bank's file that may be a movement which is known."""
    amount = found.amount_minor if found.incoming else -found.amount_minor
    return Item(
        subject=Subject.ENTRY,
        key=f"{mirror.book_id}.{mirror.account_id}.{found.entry_id}",
        reason=found.doubt or "LEFT_IN_DOUBT",
        since_ns=begin_of(found.day),
        tenant_id=mirror.book_id,
        money=Money(amount, ledger_of(mirror.currency)),
    )


def suspense_item(tenant: UUID, found: SuspendedEntry) -> Item:
    """Money of a bank's entry that lies in suspense."""
    return Item(
        subject=Subject.SUSPENSE,
        key=f"{tenant}.{found.entry_id}",
        reason=found.reason,
        since_ns=found.suspended_ns,
        tenant_id=tenant,
        money=Money(found.amount_minor, ledger_of(found.currency)),
        text=found.reference,
    )


def break_item(found: Break) -> Item:
    """A disagreement between a bank and the books."""
    return Item(
        subject=Subject.BREAK,
        key=str(found.id),
        reason=found.kind.name,
        since_ns=begin_of(found.detected_day),
        tenant_id=found.book_id,
        money=Money(found.amount_minor, ledger_of(found.currency)),
        due_ns=begin_of(found.due_day),
        owner_id=found.assignee_id,
        text=found.note,
    )


def day_item(day: SafeguardingDay) -> Item:
    """A business day that is not signed."""
    return Item(
        subject=Subject.DAY,
        key=day_key(day),
        reason=day.status.name,
        since_ns=begin_of(day.key.day),
        tenant_id=day.key.tenant_id,
        money=Money(day.requirement_minor, ledger_of(day.key.currency)),
    )


def day_key(day: SafeguardingDay) -> str:
    """By which a day stands in addresses."""
    return f"{day.key.tenant_id}.{day.key.currency}.{day.key.day}.{day.key.pool}"


def begin_of(day: date) -> int:
    """When a day begins, UTC nanoseconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * _NANOSECONDS
