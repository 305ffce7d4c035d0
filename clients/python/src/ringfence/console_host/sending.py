"""Acts as commands, and commands as calls: what is sent is read from the command that the person has reviewed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from ringfence_console.ports import Refused
from ringfence_console.work import Command, Done, Matter, Subject, Value, Words

from ringfence.client import Client
from ringfence.console_host.items import day_key
from ringfence.console_host.suspense import LET_GO, RETURN, send_back, suspense_command
from ringfence.errors import NOT_TOLD_YET
from ringfence.money import currency_of, ledger_of
from ringfence.payments import DECISION_NOT_TAKEN, Decision
from ringfence.proposals import Verdict
from ringfence.reconciliation import CorrectingEntry
from ringfence.safeguarding import DayKey
from ringfence.statements import Remedy

Request = Mapping[str, Value]
_PAYMENTS = "ringfence.payment_instruction.v1.PaymentInstructionService"
_STATEMENTS = "ringfence.payment_instruction.v1.StatementService"
_RECONCILIATION = "ringfence.custody.v1.ReconciliationService"
_SAFEGUARDING = "ringfence.custody.v1.SafeguardingService"
DECIDE, RELEASE = f"{_PAYMENTS}/DecideInstructions", f"{_PAYMENTS}/ReleaseHits"
WORK_OFF = f"{_STATEMENTS}/WorkOffException"
PROPOSALS = "ringfence.common.v1.ProposalService/DecideProposals"
ASSIGN, CLOSE, REOPEN = (f"{_RECONCILIATION}/{each}" for each in ("AssignBreak", "CloseBreak", "ReopenBreak"))
DECIDE_ENTRY = f"{_STATEMENTS}/DecideHeldEntry"
MATCH, CORRECT, FUND = (f"{_RECONCILIATION}/{each}" for each in ("MatchLines", "CorrectBreak", "FundBreak"))
PREPARE, REVIEW, SIGN = (f"{_SAFEGUARDING}/{each}SafeguardingDay" for each in ("Prepare", "Review", "Sign"))
_STOPPING = ("stopped_by", "stopped_by_sha256")
"""What a matter's standing says of the entry that a release lets go."""
_DECISIONS = {"approve": Decision.APPROVE, "refuse": Decision.REJECT}
_VERDICTS = {"confirm": Verdict.CONFIRM, "refuse": Verdict.REFUSE, "withdraw": Verdict.WITHDRAW}
_REMEDIES = {"bring_forward": Remedy.BRING_FORWARD, "void": Remedy.VOID}
_OF_BREAKS = {"take": ASSIGN, "close": CLOSE, "reopen": REOPEN}
_OF_DAYS = {"prepare": PREPARE, "review": REVIEW, "sign": SIGN}


class About(NamedTuple):
    """Which item a command is about."""

    subject: Subject
    key: str


def command(matter: Matter, act: str, words: Words) -> Command:
    """Gives what is sent for an act on a matter."""
    subject, key, note = matter.item.subject, matter.item.key.split("."), words.note
    if subject in (Subject.PAYMENT, Subject.HIT):
        named: dict[str, str | Sequence[str]] = {"tenant_id": key[0], "instruction_ids": [key[1]], "note": note}
        if act == "release":
            return Command(RELEASE, named, {name: matter.standing.get(name, "") for name in _STOPPING})
        return Command(DECIDE, {**named, "decision": _DECISIONS[act].name})
    if subject is Subject.PROPOSAL:
        fields = {"proposal_id": key[1], "verdict": _VERDICTS[act].name, "note": note}
        return Command(f"{key[0]}/{PROPOSALS}", fields, {"payload_sha256": matter.standing["payload"]})
    if subject is Subject.EXCEPTION:
        fields = dict(zip(("tenant_id", "mirror_id", "telling_id"), key, strict=True))
        document = words.document_sha256.hex()
        return Command(WORK_OFF, {**fields, "outcome": _REMEDIES[act].name, "document_sha256": document, "note": note})
    if subject is Subject.ENTRY:
        fields = dict(zip(("tenant_id", "mirror_id", "entry_id"), key, strict=True))
        fields["movement_id"] = words.inputs.get("candidate", "")
        return Command(DECIDE_ENTRY, {**fields, "document_sha256": words.document_sha256.hex(), "note": note})
    if subject is Subject.BREAK:
        making = {"match": _matching, "correct": _correcting, "fund": _funding}.get(act)
        return making(matter, words) if making else Command(_OF_BREAKS[act], {"break_id": key[0], "note": note})
    if subject is Subject.SUSPENSE:
        return suspense_command(matter, act, words)
    tenant, currency, day, pool = key
    fields = {"tenant_id": tenant, "ledger": str(ledger_of(currency)), "day": day, "pool": pool}
    return Command(_OF_DAYS[act], fields if act == "sign" else {**fields, "note": note})


def _matching(matter: Matter, words: Words) -> Command:
    line, other, is_of_bank = (
        str(matter.details["line"]),
        words.inputs["candidate"],
        matter.standing["side"] == "OF_BANK",
    )
    pair = {"movement_id": line if is_of_bank else other, "transfer_id": other if is_of_bank else line}
    mirror = {"book_id": str(matter.item.tenant_id), "mirror_id": str(matter.details["mirror"])}
    requires = {"break_id": matter.item.key, "steps": matter.standing["steps"]}
    return Command(MATCH, {**mirror, "pairs": [pair]}, requires)


def _funding(matter: Matter, words: Words) -> Command:
    return Command(FUND, {"break_id": matter.item.key, "transfer_id": words.inputs["transfer"], "note": words.note})


def _correcting(matter: Matter, words: Words) -> Command:
    """Moves the mirror the way that it lacks, against the account that was named."""
    mirror, account = str(matter.details["mirror"]), words.inputs["account"]
    debit, credit = (mirror, account) if int(matter.standing["lacking"]) > 0 else (account, mirror)
    entry = {"debit_account_id": debit, "credit_account_id": credit, "amount_minor": words.inputs["amount"]}
    return Command(CORRECT, {"break_id": matter.item.key, "entries": [entry], "reason": words.note})


def send(client: Client, command: Command) -> tuple[Done, About]:
    """Calls what a command names, by the client's own key and token; raises Refused where it is not done.

    What it requires is looked at before.
    """
    if command.method.endswith(f"/{PROPOSALS}"):
        return _decide_proposal(client, command)
    if command.method == MATCH:
        return _match(client, command)
    if command.method == RELEASE:
        return _release(client, command)
    if command.method in (RETURN, LET_GO):
        done, subject, key = send_back(client, command)
        return done, About(subject, key)
    return _CALLS[command.method](client, _Fields(command.request))


class _Fields:
    """A command's request, field by field."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def text(self, name: str) -> str:
        value = self._request.get(name, "")
        return value if isinstance(value, str) else ""

    def id(self, name: str) -> UUID:
        return UUID(self.text(name))

    def ids(self, name: str) -> list[UUID]:
        return [UUID(each) for each in self._request[name] if isinstance(each, str)]

    def messages(self, name: str) -> list[_Fields]:
        return [_Fields(each) for each in self._request[name] if isinstance(each, Mapping)]

    def day(self) -> DayKey:
        day = date.fromisoformat(self.text("day"))
        return DayKey(self.id("tenant_id"), currency_of(int(self.text("ledger"))), day, self.text("pool"))

    def key(self, *names: str) -> str:
        return ".".join(self.text(each) for each in names)


def _decide(client: Client, fields: _Fields) -> tuple[Done, About]:
    ids, tenant = fields.ids("instruction_ids"), fields.id("tenant_id")
    (state,) = client.payments.decide(ids, Decision[fields.text("decision")], fields.text("note"), tenant)
    if state.reason in DECISION_NOT_TAKEN:
        raise Refused(state.reason, f"{state.instruction_id} stays as it was")
    return Done(state.status.name), About(Subject.PAYMENT, f"{tenant}.{ids[0]}")


def _release(client: Client, command: Command) -> tuple[Done, About]:
    fields = _Fields(command.request)
    ids, tenant = fields.ids("instruction_ids"), fields.id("tenant_id")
    found = client.payments.hits(tenant, ids[0])
    # The service lets go whatever stops the payment when it is asked, and a list may have named another since.
    if (found.stopped_by, found.stopped_by_sha256.hex()) != tuple(command.requires[each] for each in _STOPPING):
        raise Refused("HIT_CHANGED", "another entry stops the payment than was reviewed; it stays as it was")
    proposal = client.payments.release_hits(tenant, ids, fields.text("note"))
    return Done("PROPOSED", proposal), About(Subject.HIT, f"{tenant}.{ids[0]}")


def _decide_proposal(client: Client, command: Command) -> tuple[Done, About]:
    service, fields = command.method.removesuffix(f"/{PROPOSALS}"), _Fields(command.request)
    proposals, id_, verdict = client.proposals[service], fields.id("proposal_id"), Verdict[fields.text("verdict")]
    # One that does not wait any more may have been decided by this very command: its service says.
    found = next((each for each in proposals.waiting() if each.id == id_), None)
    if found is not None and found.payload_sha256.hex() != command.requires.get("payload_sha256"):
        raise Refused("PROPOSAL_CHANGED", "the proposal is another than was reviewed; it stays as it was")
    (reason,) = proposals.decide([id_], verdict, fields.text("note"))
    if reason in NOT_TOLD_YET:
        raise Refused(reason, "the erasure is done and not told as done yet: decide it again after a while")
    if reason:
        raise Refused(reason, "the proposal stays as it was")
    ended = {Verdict.CONFIRM: "CONFIRMED", Verdict.REFUSE: "REFUSED", Verdict.WITHDRAW: "WITHDRAWN"}
    return Done(ended[verdict]), About(Subject.PROPOSAL, f"{service}.{id_}")


def _work_off(client: Client, fields: _Fields) -> tuple[Done, About]:
    proposal = client.statements.work_off(
        fields.id("tenant_id"),
        fields.id("mirror_id"),
        fields.id("telling_id"),
        Remedy[fields.text("outcome")],
        bytes.fromhex(fields.text("document_sha256")),
        fields.text("note"),
    )
    return Done("PROPOSED", proposal), About(Subject.EXCEPTION, fields.key("tenant_id", "mirror_id", "telling_id"))


def _decide_entry(client: Client, fields: _Fields) -> tuple[Done, About]:
    movement = fields.text("movement_id")
    proposal = client.statements.decide(
        fields.id("tenant_id"),
        fields.id("mirror_id"),
        fields.id("entry_id"),
        UUID(movement) if movement else None,
        bytes.fromhex(fields.text("document_sha256")),
        fields.text("note"),
    )
    return Done("PROPOSED", proposal), About(Subject.ENTRY, fields.key("tenant_id", "mirror_id", "entry_id"))


def _match(client: Client, command: Command) -> tuple[Done, About]:
    fields, break_id = _Fields(command.request), command.requires["break_id"]
    if str(len(client.reconciliation.case(UUID(break_id)).steps)) != command.requires["steps"]:
        raise Refused("BREAK_CHANGED", "the break has taken a step since it was reviewed; it stays as it was")
    pairs = [(each.id("movement_id"), each.id("transfer_id")) for each in fields.messages("pairs")]
    client.reconciliation.match(fields.id("mirror_id"), pairs, fields.id("book_id"))
    return Done("MATCHED"), About(Subject.BREAK, break_id)


def _correct(client: Client, fields: _Fields) -> tuple[Done, About]:
    entries = [
        CorrectingEntry(each.id("debit_account_id"), each.id("credit_account_id"), int(each.text("amount_minor")))
        for each in fields.messages("entries")
    ]
    proposal = client.reconciliation.correct(fields.id("break_id"), entries, reason=fields.text("reason"))
    return Done("PROPOSED", proposal), About(Subject.BREAK, fields.text("break_id"))


def _fund(client: Client, fields: _Fields) -> tuple[Done, About]:
    client.reconciliation.fund(fields.id("break_id"), fields.id("transfer_id"), note=fields.text("note"))
    return Done("FUNDED"), About(Subject.BREAK, fields.text("break_id"))


def _of_break(method: str, result: str) -> Callable[[Client, _Fields], tuple[Done, About]]:
    def call(client: Client, fields: _Fields) -> tuple[Done, About]:
        getattr(client.reconciliation, method)(fields.id("break_id"), note=fields.text("note"))
        return Done(result), About(Subject.BREAK, fields.text("break_id"))

    return call


def _of_day(method: str) -> Callable[[Client, _Fields], tuple[Done, About]]:
    def call(client: Client, fields: _Fields) -> tuple[Done, About]:
        key = fields.day()
        notes = [] if method == "sign" else [fields.text("note")]
        day = getattr(client.safeguarding, method)(key, *notes)
        return Done(day.status.name), About(Subject.DAY, day_key(day))

    return call


_CALLS: dict[str, Callable[[Client, _Fields], tuple[Done, About]]] = {
    DECIDE: _decide,
    WORK_OFF: _work_off,
    DECIDE_ENTRY: _decide_entry,
    CORRECT: _correct,
    FUND: _fund,
    ASSIGN: _of_break("assign", "ASSIGNED"),
    CLOSE: _of_break("close", "CLOSED"),
    REOPEN: _of_break("reopen", "REOPENED"),
    PREPARE: _of_day("prepare"),
    REVIEW: _of_day("review"),
    SIGN: _of_day("sign"),
}
