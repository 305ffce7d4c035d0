"""One item opened: what it says, what an act on it depends on, and what the caller may do about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from itertools import islice
from uuid import UUID

from ringfence_console.beside import Beside, Detail, Hit, Money
from ringfence_console.ports import NotThere
from ringfence_console.work import Balance, Item, Matter, Offer, Subject

from ringfence.client import Client
from ringfence.console_host.disagreements import break_matter, entry_matter, exception_matter
from ringfence.console_host.held import limits_of, screened_by
from ringfence.console_host.items import (
    SANCTIONS_HIT,
    day_item,
    payment_item,
    proposal_item,
)
from ringfence.console_host.suspense import suspense_matter
from ringfence.money import ledger_of
from ringfence.payments import Instruction, InstructionStatus
from ringfence.proposals import Proposal
from ringfence.safeguarding import DayKey, DayStatus, SafeguardingDay

_EARLIER, _LOOKED_AT = 5, 200
_MOST_RELEASED = 25
RELEASES_HITS = "payment-instruction.ReleaseHits"
_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OF_RELEASE = re.compile(rf"let \d+ payment\(s\) of platform {_ID} go on that a list has stopped: ({_ID}(?:, {_ID})*):")
_PAYEE = ("CdtrAcct/", "CdtrAgt/")


def opened(client: Client, subject: Subject, key: str) -> Matter:
    """Opens an item for whoever the client calls as; raises NotThere."""
    parts = key.split(".")
    try:
        return _OPENING[subject](client, parts)
    except (ValueError, KeyError, IndexError):  # an address that nobody has given out
        raise NotThere(key) from None


def payment_at(client: Client, tenant: UUID, instruction: UUID) -> Instruction:
    """Reads a payment; raises NotThere."""
    found = client.payments.instructions([instruction], tenant)
    if not found:
        raise NotThere(str(instruction))
    return found[0]


def _payment(client: Client, key: Sequence[str]) -> Matter:
    tenant, instruction = map(UUID, key)
    found = payment_at(client, tenant, instruction)
    order, state = found.order, found.state
    balance = _balance(client, tenant, found)
    objection = _payment_objection(client, found)
    hit = state.reason == SANCTIONS_HIT
    is_open = state.status is InstructionStatus.HELD
    beside, stopping = _hits(client, tenant, instruction) if hit else (Beside(), {})
    if is_open and not hit:
        beside, _ = _hits(client, tenant, instruction)
    acts = ("release", "refuse") if hit else ("approve", "refuse")
    details: dict[str, Detail] = {
        "amount": Money(order.amount_minor, ledger_of(order.currency)),
        "payer_iban": order.debtor_iban,
        "payee": order.creditor_name,
        "payee_iban": order.creditor_iban,
        "reference": order.end_to_end_id,
        "remittance": order.remittance,
        "state": state.status.name,
        "reason": state.reason,
        "made_by": found.maker_id,
        "approved_by": found.approver_id,
        "received": found.received_ns,
        "changed": found.changed_ns,
        "instruction": state.instruction_id,
        "uetr": found.uetr,
        **stopping,
        **{f"carried:{path}": text for path, text in found.carried},
    }
    standing = {
        **stopping,
        "state": state.status.name,
        "reason": state.reason,
        "approved_by": str(found.approver_id or ""),
        "payable": "" if balance is None else ("YES" if balance.is_enough else "NO"),
    }
    item = payment_item(tenant, found)
    return Matter(
        item=replace(item, subject=Subject.HIT) if hit else item,
        details=details,
        standing=standing,
        offers=() if objection else [Offer(each, needs_note=each != "approve") for each in acts],
        objection=objection,
        balance=balance,
        limits=limits_of(client, tenant, found) if is_open and not hit else (),
        screened_by=screened_by(client) if is_open and not hit and not beside.hits else None,
        alike=_earlier(client, tenant, found),
        beside=beside,
    )


def _hits(client: Client, tenant: UUID, instruction: UUID) -> tuple[Beside, dict[str, str]]:
    """Gives whom lists name in it, and which entry stops it: of a custodian's own people alone, as a release is."""
    if client.credentials.tenant_id is not None:
        return Beside(), {}
    found = client.payments.hits(tenant, instruction)
    hits = [
        Hit(
            field=each.field,
            typed=each.typed,
            list_name=each.list_name,
            reference=each.reference,
            published_ns=each.published_ns,
            is_waiting=each.is_waiting,
            is_released=each.is_released,
            is_stopping=each.is_stopping,
            names=each.names,
        )
        for each in found.listed
    ]
    stopping = {"stopped_by": found.stopped_by, "stopped_by_sha256": found.stopped_by_sha256.hex()}
    return Beside(hits=hits, more_hits=found.more), stopping


def _earlier(client: Client, tenant: UUID, found: Instruction) -> Sequence[Item]:
    """Gives the newest of those that were taken in before it and pay to the same account."""
    before = client.payments.list_instructions(tenant, newest_first=True, until_ns=found.received_ns)
    alike = (
        payment_item(tenant, each)
        for each in islice(before, _LOOKED_AT)
        if _payee(each) == _payee(found) and each.received_ns < found.received_ns
    )
    return list(islice(alike, _EARLIER))


def _payee(read: Instruction) -> tuple[object, ...]:
    """Gives the account that is paid to; one without an IBAN stands with its bank among what is carried."""
    iban = read.order.creditor_iban
    return (iban,) if iban else tuple(each for each in read.carried if each[0].startswith(_PAYEE))


def _payment_objection(client: Client, found: Instruction) -> str:
    """Why the caller decides nothing about it; whoever is asked says so too, whatever is found here."""
    me, of_platform = client.credentials.principal_id, client.credentials.tenant_id is not None
    if found.state.status is not InstructionStatus.HELD:
        return "NOT_HELD"
    if found.maker_id == me:
        return "APPROVER_IS_MAKER"
    if found.approver_id == me:
        return "ANOTHER_APPROVER_REQUIRED"
    if of_platform and found.state.reason in ("SECOND_OPERATOR_REQUIRED", SANCTIONS_HIT):
        return "OPERATOR_REQUIRED"
    return ""


def _balance(client: Client, tenant: UUID, found: Instruction) -> Balance | None:
    """What the payer has and would have; None where its money is set aside already, or it has ended."""
    is_open = found.state.status is InstructionStatus.HELD and found.state.reason != SANCTIONS_HIT
    if not is_open or found.debtor_account_id is None:
        return None
    accounts = client.custody.accounts([found.debtor_account_id], tenant)
    if not accounts:
        return None
    balances, ledger = accounts[0].balances, ledger_of(found.order.currency)
    now = balances.posted_minor - balances.reserved_minor
    return Balance(accounts[0].id, Money(now, ledger), Money(now - found.order.amount_minor, ledger))


def _proposal(client: Client, key: Sequence[str]) -> Matter:
    service, id_ = key[0], UUID(key[1])
    found = next((each for each in client.proposals[service].waiting() if each.id == id_), None)
    if found is None:
        raise NotThere(str(id_))
    is_own = found.proposer_id == client.credentials.principal_id
    about = _released(client, found)
    only = about[0] if len(about) == 1 else None
    beside, stopping = _hits(client, *map(UUID, only.key.split("."))) if only else (Beside(), {})
    return Matter(
        item=proposal_item(service, found),
        details={
            "effect": found.effect,
            "description": found.description,
            "subject": found.subject_id,
            "payload": found.payload_sha256,
            "made_by": found.proposer_id,
            "person": found.proposer_person_id,
            "made": found.made_ns,
            "lapses": found.expires_ns,
            **stopping,
        },
        standing={**stopping, "payload": found.payload_sha256.hex(), "state": "WAITING"},
        offers=[Offer("withdraw")] if is_own else [Offer("confirm"), Offer("refuse", needs_note=True)],
        objection="SECOND_PERSON_REQUIRED" if is_own else "",
        about=about,
        beside=beside,
    )


def _released(client: Client, found: Proposal) -> Sequence[Item]:
    """Gives the payments that a release would let go on: the second person looks at what the first has seen.

    Their ids stand in the description alone, whose form is payment-instruction's, with the note after them.
    """
    named = _OF_RELEASE.match(found.description) if found.effect == RELEASES_HITS else None
    if named is None or found.tenant_id is None:
        return ()
    ids = [UUID(each) for each in named[1].split(", ")[:_MOST_RELEASED]]
    return [payment_item(found.tenant_id, each) for each in client.payments.instructions(ids, found.tenant_id)]


def day_at(client: Client, key: Sequence[str]) -> SafeguardingDay:
    """Finds a business day by the parts of its key; raises NotThere."""
    tenant, currency, day, pool = key
    wanted = DayKey(UUID(tenant), currency, date.fromisoformat(day), pool)
    found = next((each for each in client.safeguarding.days(wanted.tenant_id) if each.key == wanted), None)
    if found is None:
        raise NotThere(str(wanted.day))
    return found


def _day(client: Client, key: Sequence[str]) -> Matter:
    found = day_at(client, key)
    ledger = ledger_of(found.key.currency)
    act = {DayStatus.COMPUTED: "prepare", DayStatus.PREPARED: "review", DayStatus.REVIEWED: "sign"}.get(found.status)
    blocked = bool(found.open) and act == "sign"
    return Matter(
        item=day_item(found),
        details={
            "day": found.key.day,
            "pool": found.key.pool,
            "state": found.status.name,
            "version": str(found.version),
            "requirement": Money(found.requirement_minor, ledger),
            "resource": Money(found.resource_minor, ledger),
            "difference": Money(found.internal_minor, ledger),
            "overdue": Money(found.overdue_minor, ledger),
            "banks": Money(found.external_minor, ledger),
            "open": ", ".join(found.open),
            "document": found.document,
        },
        standing={"state": found.status.name, "version": str(found.version), "open": ", ".join(found.open)},
        offers=[Offer(act, takes_note=act != "sign")] if act and not blocked else [],
        objection="SAFEGUARDING_DAY_OPEN" if blocked else "" if act else "SAFEGUARDING_DAY_STATE",
    )


_OPENING: dict[Subject, Callable[[Client, Sequence[str]], Matter]] = {
    Subject.PAYMENT: _payment,
    Subject.HIT: _payment,
    Subject.PROPOSAL: _proposal,
    Subject.EXCEPTION: exception_matter,
    Subject.ENTRY: entry_matter,
    Subject.BREAK: break_matter,
    Subject.SUSPENSE: suspense_matter,
    Subject.DAY: _day,
}
