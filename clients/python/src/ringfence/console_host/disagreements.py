"""What a bank and we do not agree about, opened: exceptions of statements, entries in doubt, and breaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from uuid import UUID

from ringfence_console.beside import Beside, Candidate, Compared, Detail, Life, Money, Step
from ringfence_console.ports import NotThere
from ringfence_console.work import Input, Kind, Matter, Offer

from ringfence.client import Client
from ringfence.console_host.items import break_item, entry_item, exception_item
from ringfence.money import ledger_of
from ringfence.reconciliation import BreakCase, BreakStatus, OpenLine
from ringfence.registers import Mirror
from ringfence.statements import ExceptionCase, HeldCandidate, HeldEntry, KnownChain, TellingHeading

MATCH_CANDIDATE = Input("candidate", Kind.CANDIDATE)
_NEVER = (BreakStatus.ASSIGNED, BreakStatus.REOPENED, BreakStatus.CLOSED, BreakStatus.CORRECTING)
"""What people bring about by an act of their own, so it is not what comes next by itself."""


def exception_matter(client: Client, key: Sequence[str]) -> Matter:
    """Opens a telling that posts nothing; raises NotThere."""
    tenant, mirror_id, telling = map(UUID, key)
    mirror = _mirror(client, tenant, mirror_id)
    case = client.statements.exception(tenant, mirror_id, telling)
    found = case.now
    return Matter(
        item=exception_item(mirror, found),
        details={
            "kind": found.kind,
            "text": found.text,
            "mirror": mirror.account_id,
            "currency": mirror.currency,
            "bank": mirror.bic,
            "first_day": found.first_day,
            "last_day": found.last_day,
            "file": found.digest,
        },
        standing={"state": "WAITING", "kind": found.kind, "file": found.digest.hex()},
        offers=[Offer(each, needs_note=True, needs_document=True) for each in ("bring_forward", "void")],
        beside=Beside(compared=list(_told_beside_known(mirror, case))),
    )


def _told_beside_known(mirror: Mirror, case: ExceptionCase) -> Iterator[Compared]:
    """Yields what the file says beside what it should say by the statement before it, and by itself."""
    told, chain, ledger = case.telling, case.chain, ledger_of(mirror.currency)
    if told is None:
        return

    def money(minor: int | None) -> Money | None:
        return None if minor is None else Money(minor, ledger)

    yield Compared("currency", told.currency, mirror.currency, told.currency not in ("", mirror.currency))
    if chain is not None:
        after = chain.last_day + timedelta(days=1)
        overlaps = told.first_day is not None and told.first_day < after
        yield Compared("first_day", told.first_day, after, overlaps)
        yield from _numbers(told, chain)
    opening = chain.closing_minor if chain else case.booked_minor
    if told.opening_minor is not None:
        yield Compared("opening", money(told.opening_minor), money(opening), told.opening_minor != opening)
    if told.closing_minor is not None:
        reached = None if told.opening_minor is None else told.opening_minor + told.moved_minor
        yield Compared("closing", money(told.closing_minor), money(reached), told.closing_minor != reached)


def _numbers(told: TellingHeading, chain: KnownChain) -> Iterator[Compared]:
    """Yields numbers of statements, by payment-instruction's rules: one alone counts, and may begin anew with a year.

    What counts is the legal one, the electronic one where there is no legal one.
    """
    is_counted = False
    for name, theirs, last in (
        ("legal_number", told.legal_sequence, chain.legal_sequence),
        ("electronic_number", told.electronic_sequence, chain.electronic_sequence),
    ):
        if not theirs or not last:
            continue
        is_of_later_year = told.last_day is not None and told.last_day.year > chain.last_day.year
        begins_anew = theirs < last and is_of_later_year
        is_wrong = theirs != last + 1 and not is_counted and not begins_anew
        yield Compared(name, str(theirs), None if begins_anew else str(last + 1), is_wrong)
        is_counted = True


def entry_matter(client: Client, key: Sequence[str]) -> Matter:
    """Opens an entry in doubt, beside the movements that it may be; raises NotThere."""
    tenant, mirror_id, entry = map(UUID, key)
    mirror = _mirror(client, tenant, mirror_id)
    found = next((each for each in client.statements.held_entries(tenant, mirror_id) if each.entry_id == entry), None)
    if found is None:
        raise NotThere(str(entry))
    item = entry_item(mirror, found)
    candidates = [_candidate(mirror, found, each) for each in found.candidates]
    same = Offer("same", needs_note=True, needs_document=True, inputs=[MATCH_CANDIDATE])
    return Matter(
        item=item,
        details={
            "reason": item.reason,
            "amount": item.money,
            "day": found.day,
            "reversal": "YES" if found.reversal else "",
            "mirror": mirror.account_id,
            "bank": mirror.bic,
            "entry": found.entry_id,
        },
        standing={"state": "WAITING", "candidates": ",".join(str(each) for each in found.movement_ids)},
        offers=[
            *([same] if any(each.is_offered for each in candidates) else []),
            Offer("another", needs_note=True, needs_document=True),
        ],
        beside=Beside(candidates=candidates),
    )


def _candidate(mirror: Mirror, entry: HeldEntry, found: HeldCandidate) -> Candidate:
    amount = found.amount_minor if found.incoming else -found.amount_minor
    details: dict[str, Detail] = {
        "amount": Money(amount, ledger_of(mirror.currency)),
        "day": found.day,
        "differing_references": ", ".join(each.name for each in found.differing),
        "movement": found.movement_id,
    }
    own = entry.amount_minor if entry.incoming else -entry.amount_minor
    is_other = {"amount": amount != own, "day": found.day != entry.day, "differing_references": bool(found.differing)}
    reasons = [f"SAME_{each.name}" for each in found.shared]
    # Money that a statement left in doubt may be a part or a sum: people find it to be one of its own amount alone.
    is_offered = (amount, found.reversal) == (own, entry.reversal)
    return Candidate(
        str(found.movement_id),
        details,
        reasons or ["PART_OR_SUM" if is_other["amount"] else "SAME_AMOUNT"],
        frozenset(name for name, differs in is_other.items() if differs),
        is_offered,
    )


def break_matter(client: Client, key: Sequence[str]) -> Matter:
    """Opens a break with its life, its line, and what that may be on the other side."""
    (id_,) = map(UUID, key)
    case = client.reconciliation.case(id_)
    found, ledger = case.now, ledger_of(case.now.currency)
    item = break_item(found)
    offers = _offers(client, case)
    return Matter(
        item=item,
        details={
            "kind": found.kind.name,
            "state": found.status.name,
            "amount": Money(found.amount_minor, ledger),
            "mirror": found.mirror_id,
            "day": found.day,
            "detected": found.detected_day,
            "due": found.due_day,
            "owner": found.assignee_id,
            "note": found.note,
            "line": case.line.id if case.line else None,
        },
        standing={
            "state": found.status.name,
            "kind": found.kind.name,
            "owner": str(found.assignee_id or ""),
            "side": "OF_BANK" if case.is_of_bank else "OF_BOOKS",
            "steps": str(len(case.steps)),
            "lacking": str(case.lacking_minor),
        },
        offers=offers,
        objection="" if offers else "TAKEN_BY_YOU",
        beside=Beside(
            life=Life(
                [Step(each.status.name, each.time_ns, each.actor_id, each.note) for each in case.steps],
                [each.name for each in case.next if each not in _NEVER],
            ),
            compared=list(_sides(case, ledger)),
            candidates=[
                Candidate(
                    str(line.id),
                    {"amount": Money(line.amount_minor, ledger), "day": line.day, "line": line.id},
                    [f"SAME_{each.name}" for each in likeness],
                    frozenset(_different(case.line, line)),
                )
                for line, likeness in case.candidates
            ],
        ),
    )


def _offers(client: Client, case: BreakCase) -> list[Offer]:
    """Gives what the caller may do; whoever has taken a break does not take it again."""
    status, inputs = case.now.status, [MATCH_CANDIDATE]
    if status in (BreakStatus.CLOSED, BreakStatus.RESOLVED, BreakStatus.MATCHED):
        acts = ["reopen"] if status is not BreakStatus.RESOLVED else ["close", "reopen"]
        return [Offer(each, needs_note=True) for each in acts]
    offers = [Offer("match", takes_note=False, inputs=inputs)] if case.candidates else []
    if BreakStatus.CORRECTING in case.next and case.lacking_minor:
        amount = Input("amount", Kind.AMOUNT, ledger_of(case.now.currency), str(abs(case.lacking_minor)))
        offers.append(Offer("correct", needs_note=True, inputs=[Input("account", Kind.ID), amount]))
    if BreakStatus.FUNDED in case.next:
        offers.append(Offer("fund", needs_note=True, inputs=[Input("transfer", Kind.ID)]))
    is_mine = case.now.assignee_id == client.credentials.principal_id
    return offers if is_mine else [Offer("take", needs_note=True), *offers]


def _sides(case: BreakCase, ledger: int) -> Iterator[Compared]:
    """Yields the break's line beside the likeliest of the other side, the bank's on the left."""
    line, other = case.line, case.candidates[0][0] if case.candidates else None
    if line is None:
        return
    bank, books = (line, other) if case.is_of_bank else (other, line)
    different = set(_different(line, other)) if other else {"amount"}
    theirs, ours = _values(bank, ledger), _values(books, ledger)
    for name, value in theirs.items():
        is_wrong = name in different or (name == "state" and value not in (None, "BOOKED"))
        yield Compared(name, value, ours[name], is_wrong)


def _values(line: OpenLine | None, ledger: int) -> dict[str, Detail]:
    if line is None:
        return dict.fromkeys(("amount", "day", "state", "reference", "line"))
    return {
        "amount": Money(line.amount_minor, ledger),
        "day": line.day,
        "state": line.state.name,
        "reference": line.reference or None,
        "line": line.id,
    }


def _different(line: OpenLine | None, other: OpenLine) -> Iterator[str]:
    if line is not None:
        for name in ("amount_minor", "day"):
            if getattr(line, name) != getattr(other, name):
                yield name.removesuffix("_minor")
        if line.reference and other.reference and line.reference != other.reference:
            yield "reference"


def _mirror(client: Client, tenant: UUID, mirror_id: UUID) -> Mirror:
    found = next((each for each in client.registers.mirrors(tenant) if each.account_id == mirror_id), None)
    if found is None:
        raise NotThere(str(mirror_id))
    return found
