"""What the services let people and platforms do can be done from the SDK and, unless it says why not, from a shell."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import typer
from ringfence.answers import Answers
from ringfence.audit import Audit
from ringfence.books import BookReads
from ringfence.calendars import Calendars
from ringfence.cli import app
from ringfence.commands.terminal import Tabled
from ringfence.condition import Conditions
from ringfence.custody import Custody
from ringfence.dossiers import Dossiers
from ringfence.finding import Finder
from ringfence.flows import Flows
from ringfence.grants import Grants
from ringfence.identity import Identity
from ringfence.limits import Limits
from ringfence.payments import Payments
from ringfence.proposals import Proposals
from ringfence.reconciliation import Reconciliation
from ringfence.registers import Registers
from ringfence.safeguarding import Safeguarding
from ringfence.statements import Statements
from ringfence.tokens import TokenSource
from ringfence_protos.audit.v1 import audit_pb2, disclosure_pb2, taken_over_pb2
from ringfence_protos.common.v1 import access_pb2, condition_pb2, feed_pb2, proposals_pb2
from ringfence_protos.custody.v1 import calendars_pb2, custody_pb2, reconciliation_pb2, registers_pb2, safeguarding_pb2
from ringfence_protos.identity.v1 import identity_pb2
from ringfence_protos.payment_instruction.v1 import answers_pb2, payment_instruction_pb2, statements_pb2

CONTRACTS = [
    answers_pb2,
    audit_pb2,
    disclosure_pb2,
    taken_over_pb2,
    calendars_pb2,
    custody_pb2,
    reconciliation_pb2,
    registers_pb2,
    safeguarding_pb2,
    statements_pb2,
    condition_pb2,
    feed_pb2,
    identity_pb2,
    payment_instruction_pb2,
    proposals_pb2,
]


class Way(NamedTuple):
    """How a method is called: by which function of the SDK, and by which commands, or why by none."""

    sdk: Any
    commands: tuple[str, ...] = ()
    why_none: str = ""


def by(sdk: Any, *commands: str) -> Way:
    """A method with commands."""
    return Way(sdk, commands)


def none(sdk: Any, why: str) -> Way:
    """A method for programs alone."""
    return Way(sdk, why_none=why)


PERSONAL = "personal data does not belong on a command line, which shells and process lists keep"
KEYS = "whoever holds the key changes it beside its file: a program's business"
INSIDE = "every command does it"

WAYS = {
    "TokenService/IssueToken": none(TokenSource.token, INSIDE),
    "TokenService/GetJwks": none(Identity.jwks, "for programs that check tokens"),
    "TokenService/Enrol": by(Identity.enrol, "renew"),
    "TokenService/PinCertificates": by(Identity.pin_certificates, "pin"),
    "TokenService/RevokeAuthorisation": by(Identity.revoke_authorisation, "revoke"),
    "TokenService/RotateKey": none(Identity.rotate_key, KEYS),
    "TokenService/RegisterPrincipals": by(Identity.register_principals, "principals register"),
    "TokenService/ConfirmPrincipals": by(Identity.confirm_principals, "principals resume"),
    "TokenService/RenewGrants": by(Identity.renew_grants, "principals renew"),
    "TokenService/GrantAccess": by(Grants.give, "principals grant"),
    "TokenService/StateJurisdictions": by(Grants.state_jurisdictions, "principals supervised"),
    "TokenService/SuspendPrincipals": by(Identity.suspend_principals, "principals suspend"),
    "PartyService/RegisterParties": none(Identity.register_parties, PERSONAL),
    "PartyService/RecordOwners": none(Identity.record_owners, PERSONAL),
    "PartyService/GetParties": by(Identity.parties, "parties show"),
    "PartyService/DecideKyc": by(Identity.decide_kyc, "parties kyc"),
    "PartyService/EraseParties": by(Identity.erase_parties, "parties erase"),
    "PartyService/SetLegalHold": by(Identity.set_legal_hold, "parties hold", "parties let-go"),
    "PartyService/ChangeAliases": by(Identity.change_aliases, "ibans change"),
    "PartyService/RegisterAliases": by(Identity.register_aliases, "ibans claim"),
    "CalendarService/ProposeCalendarYear": by(Calendars.propose_year, "calendar propose"),
    "CalendarService/GetCalendar": by(Calendars.get, "calendar show"),
    "CalendarService/StepBusinessDay": by(Calendars.step, "calendar step"),
    "CustodyService/CreateAccounts": by(Custody.create_accounts, "account open"),
    "CustodyService/CreateTransfers": none(Custody.create_transfers, "importers post rows by the thousand: `replay`"),
    "CustodyService/GetAccounts": by(Custody.accounts, "account balances"),
    "CustodyService/ListAccounts": by(Custody.list_accounts, "accounts"),
    "CustodyService/GetTransfers": by(Custody.transfers, "transfers"),
    "CustodyService/ListTransfers": by(Custody.list_transfers, "transfers"),
    "CustodyService/GetStatement": by(Custody.statement, "statement"),
    "CustodyService/GetBalances": by(Custody.balances, "account balances"),
    "CustodyService/GetTotals": by(Custody.totals, "accounts"),
    "CustodyService/SetAccountStatus": by(Custody.set_account_status, "account status"),
    "CustodyService/SetFreeze": by(Custody.set_freeze, "freeze place"),
    "CustodyService/LiftFreeze": by(Custody.lift_freeze, "freeze lift"),
    "CustodyService/OpenMigration": by(Custody.open_migration, "migration open"),
    "CustodyService/CloseMigration": by(Custody.close_migration, "migration close"),
    "CustodyService/AdoptRules": by(Custody.adopt_rules, "rules adopt"),
    "CustodyService/GetRules": by(Custody.rules, "rules show"),
    "SafeguardingService/ListSafeguardingDays": by(Safeguarding.days, "safeguarding days", "safeguarding show"),
    "SafeguardingService/PrepareSafeguardingDay": by(Safeguarding.prepare, "day prepare"),
    "SafeguardingService/ReviewSafeguardingDay": by(Safeguarding.review, "day review"),
    "SafeguardingService/SignSafeguardingDay": by(Safeguarding.sign, "day close"),
    "SafeguardingService/NotifySafeguardingDay": by(Safeguarding.notify, "day notify"),
    "SafeguardingService/ReopenSafeguardingDay": by(Safeguarding.reopen, "day reopen"),
    "SafeguardingService/RegisterResource": by(Safeguarding.register_resource, "safeguarding resource"),
    "SafeguardingService/AssignPool": by(Safeguarding.assign_pool, "safeguarding pool"),
    "RegisterService/RegisterBank": by(Registers.register_bank, "registers bank"),
    "RegisterService/SendLetter": by(Registers.send_letter, "registers send"),
    "RegisterService/CountersignLetter": by(Registers.countersign_letter, "registers countersign"),
    "RegisterService/ExemptMirror": by(Registers.exempt_mirror, "registers exempt"),
    "RegisterService/ReviewLetter": by(Registers.review_letter, "registers review"),
    "RegisterService/EndLetter": by(Registers.end_letter, "registers end"),
    "RegisterService/Appoint": by(Registers.appoint, "registers appoint"),
    "RegisterService/EndAppointment": by(Registers.end_appointment, "registers dismiss"),
    "RegisterService/ListBanks": by(Registers.banks, "registers banks"),
    "RegisterService/ListLetters": by(Registers.letters, "registers letters"),
    "RegisterService/ListMirrors": by(Registers.mirrors, "registers mirrors"),
    "RegisterService/ListAppointments": by(Registers.appointments, "registers people"),
    "RegisterService/GetConcentration": by(Registers.concentration, "registers concentration"),
    "ReconciliationService/GetReconciliation": by(Reconciliation.day, "match day"),
    "ReconciliationService/ListOpenLines": by(Reconciliation.open_lines, "match open"),
    "ReconciliationService/ListMatches": by(Reconciliation.matches, "match list"),
    "ReconciliationService/ListSuggestions": by(Reconciliation.suggestions, "match suggested"),
    "ReconciliationService/DecideSuggestion": by(Reconciliation.decide, "match decide"),
    "ReconciliationService/MatchLines": by(Reconciliation.match, "match make"),
    "ReconciliationService/UndoMatch": by(Reconciliation.undo, "match undo"),
    "ReconciliationService/ListBreaks": by(Reconciliation.breaks, "breaks list"),
    "ReconciliationService/GetBreak": by(Reconciliation.find_break, "breaks show"),
    "ReconciliationService/ShowBreak": by(Reconciliation.case, "breaks life"),
    "ReconciliationService/AssignBreak": by(Reconciliation.assign, "breaks assign"),
    "ReconciliationService/CorrectBreak": by(Reconciliation.correct, "breaks correct"),
    "ReconciliationService/FundBreak": by(Reconciliation.fund, "breaks fund"),
    "ReconciliationService/CloseBreak": by(Reconciliation.close, "breaks close"),
    "ReconciliationService/ReopenBreak": by(Reconciliation.reopen, "breaks reopen"),
    "PaymentInstructionService/SubmitInstructions": by(Payments.submit, "pay"),
    "PaymentInstructionService/SubmitFile": by(Payments.submit_file, "pay"),
    "PaymentInstructionService/SubmitEvidence": by(Payments.submit_evidence, "evidence"),
    "PaymentInstructionService/GetInstructions": by(Payments.instructions, "pay"),
    "PaymentInstructionService/ListInstructions": by(Payments.list_instructions, "waiting"),
    "PaymentInstructionService/CancelInstructions": by(Payments.cancel, "cancel"),
    "PaymentInstructionService/DecideInstructions": by(Payments.decide, "approve", "reject"),
    "PaymentInstructionService/ReleaseHits": by(Payments.release_hits, "release"),
    "PaymentInstructionService/WatchInstructions": by(Payments.watch, "watch"),
    "PaymentInstructionService/SetLimits": by(Limits.set, "limits set", "limits approver", "limits zone"),
    "PaymentInstructionService/GetLimits": by(Limits.get, "limits show"),
    "PaymentInstructionService/AgreeFee": by(Flows.agree_fee, "fee agree"),
    "PaymentInstructionService/EndFeeAgreement": by(Flows.end_fee_agreement, "fee end"),
    "PaymentInstructionService/ListFeeAgreements": by(Flows.fee_agreements, "fee list"),
    "PaymentInstructionService/ChargeFees": by(Flows.charge_fees, "fee charge"),
    "PaymentInstructionService/PayOutOwnMoney": by(Flows.pay_out, "own-money out"),
    "PaymentInstructionService/FundGuarantee": by(Flows.fund_guarantee, "guarantee fund"),
    "PaymentInstructionService/FundShortfall": by(Flows.fund_shortfall, "shortfall fund"),
    "PaymentInstructionService/AllocateSuspense": by(Flows.allocate_suspense, "suspense allocate"),
    "PaymentInstructionService/ReturnSuspense": by(Flows.return_suspense, "suspense return"),
    "PaymentInstructionService/ListSuspended": by(Flows.all_suspended, "suspense list"),
    "PaymentInstructionService/GetSuspended": by(Flows.suspended, "suspense show"),
    "PaymentInstructionService/ReleaseSuspended": by(Flows.release_suspended, "suspense release"),
    "PaymentInstructionService/ShowHits": by(Payments.hits, "lists hits"),
    "PaymentInstructionService/ImportSanctionsList": by(Payments.import_sanctions_list, "lists import"),
    "PaymentInstructionService/ConfirmSanctionsList": by(Payments.confirm_sanctions_list, "lists confirm"),
    "PaymentInstructionService/RetireSanctionsList": by(Payments.retire_sanctions_list, "lists retire"),
    "StatementService/SubmitStatement": by(Statements.submit, "statements submit"),
    "StatementService/ListStatementExceptions": by(Statements.exceptions, "exceptions list", "exceptions show"),
    "StatementService/ShowStatementException": by(Statements.exception, "exceptions show"),
    "StatementService/ListHeldEntries": by(Statements.held_entries, "statements held"),
    "StatementService/WorkOffException": by(Statements.work_off, "exceptions accept", "exceptions void"),
    "StatementService/DecideHeldEntry": by(Statements.decide, "statements decide"),
    "PaymentInstructionService/ListSanctionsLists": by(Payments.sanctions_lists, "lists show"),
    "AnswerService/ListAnswerExceptions": by(Answers.exceptions, "answers list"),
    "AnswerService/WorkOffAnswer": by(Answers.apply, "answers apply", "answers dismiss"),
    "ConditionService/GetCondition": by(Conditions.all, "parts"),
    "ProposalService/ListProposals": by(Proposals.waiting, "proposals"),
    "ProposalService/DecideProposals": by(Proposals.decide, "confirm", "refuse", "withdraw"),
    "AuditService/GetCheckpoint": by(Audit.checkpoint, "checkpoint"),
    "AuditService/Search": by(Audit.search, "search", "safeguarding receipts"),
    "AuditService/GetAnswer": by(Audit.answer, "answer"),
    "AuditService/GetReceipt": by(Audit.receipt, "receipt", "safeguarding receipts"),
    "AuditService/ListLeaves": by(Audit.leaves, "verify log"),
    "AuditService/VerifySources": by(Audit.verify_sources, "verify log"),
    "AuditService/ListUnprovenTransfers": by(Audit.prove_transfers, "verify evidence"),
    "AuditService/ListReads": by(Audit.reads, "access"),
    "AuditService/GetReport": by(Audit.report, "report"),
    "AuditService/GetBooks": by(BookReads.get, "balance"),
    "AuditService/DemandBooks": by(BookReads.demand, "balance"),
    "DisclosureService/LookUp": by(Finder.find, "search"),
    "DisclosureService/Disclose": by(Finder.disclose, "disclose"),
    "AuditService/BindDossier": by(Dossiers.made, "dossier"),
    "AuditService/GetConsistencyProof": by(Audit.consistency_proof, "checkpoint"),
}
"""One row per method that is not for workloads alone. A new method without a row fails the test."""

WITHOUT_TABLE = {
    "watch",
    "report",
    "safeguarding show",
    "safeguarding receipts",
    "calendar draft",
    "receipt",
    "checkpoint",
    "console",
    "credentials new",
    "credentials complete",
    "dossier",
    "fee agree",
    "fee end",
    "verify page",
    "verify receipt",
    "verify safeguarding",
    "verify checkpoint",
    "verify consistency",
    "verify log",
}
OF_THE_STACK = {"up", "demo", "keys", "replay", "rebuild", "status"}


def methods() -> Iterator[str]:
    """Yields the methods of all services that more than workloads may call."""
    for contract in CONTRACTS:
        for service in contract.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                access = method.GetOptions().Extensions[access_pb2.access]
                if not access.workloads:
                    yield f"{service.name}/{method.name}"


def commands(of: Any = None, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """Returns all commands by what is typed."""
    of = of or typer.main.get_command(app)
    children = getattr(of, "commands", None)
    if children is None:
        return {" ".join(path): of}
    found = {}
    for name, child in children.items():
        found.update(commands(child, (*path, name)))
    return found


COMMANDS = commands()


def test_every_method_has_its_row() -> None:
    """The table is complete and names no method that is gone; a method without a command says why."""
    assert set(WAYS) == set(methods())
    assert [name for name, way in WAYS.items() if bool(way.commands) == bool(way.why_none)] == []


@pytest.mark.parametrize("name", WAYS)
def test_method_is_called_by_the_sdk_and_from_a_shell(name: str) -> None:
    """The function of the SDK calls the method, and each command's module calls the function."""
    way = WAYS[name]
    owner = sys.modules[way.sdk.__module__]
    assert f".{name.partition('/')[2]}" in inspect.getsource(owner)
    for command in way.commands:
        module = sys.modules[COMMANDS[command].callback.__module__]
        assert f".{way.sdk.__name__}" in inspect.getsource(module)


def test_every_command_that_prints_a_table_prints_json() -> None:
    """A program reads what a person does."""
    without = {name for name, each in COMMANDS.items() if not isinstance(each, Tabled)}
    assert without == WITHOUT_TABLE | OF_THE_STACK
    assert all(
        "--json" in [name for each in COMMANDS[path].params for name in each.opts] for path in set(COMMANDS) - without
    )
