"""Money in suspense, opened: whose the bank says it is, whom lists name behind it, and its way back."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

from ringfence_console.beside import Detail, Money
from ringfence_console.ports import Refused
from ringfence_console.work import Command, Done, Input, Item, Kind, Matter, Offer, Subject, Words

from ringfence.client import Client
from ringfence.console_host.items import payment_item, suspense_item
from ringfence.flows import Suspended, SuspendedState
from ringfence.ledger import AccountClass
from ringfence.money import ledger_of
from ringfence.payments import InstructionStatus

_PAYMENTS = "ringfence.payment_instruction.v1.PaymentInstructionService"
RETURN, LET_GO = f"{_PAYMENTS}/ReturnSuspense", f"{_PAYMENTS}/ReleaseSuspended"
_BANK = Input("bank_iban", Kind.IBAN)
_CLEARED = (InstructionStatus.SETTLED, InstructionStatus.RECONCILED)


def suspense_matter(client: Client, key: Sequence[str]) -> Matter:
    """Opens an entry whose money lies in suspense; raises ValueError for what is no key."""
    tenant, entry = map(UUID, key)
    found = client.flows.suspended(tenant, entry)
    objection, lies = _objection(found), _account(client, tenant, found.entry.currency)
    details: dict[str, Detail] = {
        "amount": Money(found.entry.amount_minor, ledger_of(found.entry.currency)),
        "reason": found.reason,
        "payer": found.payer_name,
        "payer_iban": found.payer_iban,
        "reference": found.entry.reference,
        "came": found.entry.suspended_ns,
        "blocked": "YES" if found.blocked else "NO",
        "findings": ", ".join(each.list_reference for each in found.findings),
        "mirror": found.entry.mirror_id,
        "suspense_account": lies,
        "entry": found.entry.entry_id,
    }
    if found.entry.clearing:
        details["clearing"] = found.entry.clearing.instruction_id
        details["clearing_state"] = found.entry.clearing.status.name
    offers = [] if objection else [Offer("return", takes_note=False, inputs=[_BANK])]
    if objection == "SUSPENSE_BLOCKED":
        offers = [Offer("let_go", needs_note=True, needs_document=True)]
    return Matter(
        item=suspense_item(tenant, found.entry),
        details=details,
        standing={**_required(found), "suspense_account": str(lies or "")},
        offers=offers,
        objection=objection,
        about=_orders(client, tenant, found),
    )


def suspense_command(matter: Matter, act: str, words: Words) -> Command:
    """Gives what is sent: that it lies as it was reviewed is required of it, for a return names no amount."""
    tenant, entry = matter.item.key.split(".")
    named = {"tenant_id": tenant, "entry_id": entry}
    requires = {each: matter.standing[each] for each in _REQUIRED}
    if act == "let_go":
        document = words.document_sha256.hex()
        return Command(LET_GO, {**named, "document_sha256": document, "note": words.note}, requires)
    lies = {"suspense_account_id": matter.standing["suspense_account"], "bank_iban": words.inputs["bank_iban"]}
    return Command(RETURN, {**named, **lies}, requires)


def send_back(client: Client, command: Command) -> tuple[Done, Subject, str]:
    """Orders the return, or proposes the release; raises Refused where it lies otherwise than was reviewed."""
    tenant, entry = UUID(str(command.request["tenant_id"])), UUID(str(command.request["entry_id"]))
    about = Subject.SUSPENSE, f"{tenant}.{entry}"
    found = client.flows.suspended(tenant, entry)
    # A return takes all that lies there, and a release what lists say when it is asked for. Of one that is under way
    # its service knows whether it is this one, and does that once.
    is_ordered = command.method == RETURN and found.entry.clearing is not None
    if not is_ordered and _required(found) != dict(command.requires):
        raise Refused("SUSPENSE_CHANGED", "it lies otherwise than was reviewed; it stays as it was")
    if command.method == LET_GO:
        document = bytes.fromhex(str(command.request["document_sha256"]))
        proposal = client.flows.release_suspended(tenant, entry, document, str(command.request["note"]))
        return Done("PROPOSED", proposal), *about
    account = UUID(str(command.request["suspense_account_id"]))
    lying = Suspended(tenant_id=tenant, entry_id=entry, suspense_account_id=account)
    state = client.flows.return_suspense(lying, str(command.request["bank_iban"]))
    if state.status is InstructionStatus.REJECTED:
        raise Refused(state.reason, "it is not returned; it stays as it was")
    return Done(state.status.name), *about


_REQUIRED = ("amount_minor", "blocked", "clearing_state", "findings_sha256", "payer_sha256")


def _required(found: SuspendedState) -> dict[str, str]:
    """What an act depends on, without a name in it: commands are kept and shown."""
    findings = b"".join(sorted(each.finding_sha256 for each in found.findings))
    values = (
        str(found.entry.amount_minor),
        "YES" if found.blocked else "NO",
        found.entry.clearing.status.name if found.entry.clearing else "",
        sha256(findings).hexdigest(),
        sha256(f"{found.payer_name}\0{found.payer_iban}".encode()).hexdigest(),
    )
    return dict(zip(_REQUIRED, values, strict=True))


def _objection(found: SuspendedState) -> str:
    """Why it is not returned; whoever is asked says so too, whatever is found here."""
    if found.entry.clearing:
        return "CLEARED" if found.entry.clearing.status in _CLEARED else "CLEARING_UNDER_WAY"
    if found.blocked:
        return "SUSPENSE_BLOCKED"
    return "" if found.payer_name and found.payer_iban else "PAYER_UNKNOWN"


def _orders(client: Client, tenant: UUID, found: SuspendedState) -> Sequence[Item]:
    """Gives the payment that clears it, which another operator approves."""
    ids = [found.entry.clearing.instruction_id] if found.entry.clearing else []
    return [payment_item(tenant, each) for each in client.payments.instructions(ids, tenant)] if ids else []


def _account(client: Client, tenant: UUID, currency: str) -> UUID | None:
    """Gives the book's oldest suspense account of a currency: banks' entries come to no other."""
    accounts = client.custody.list_accounts(tenant, account_class=AccountClass.SUSPENSE, currency=currency)
    return next((each.id for each in accounts), None)
