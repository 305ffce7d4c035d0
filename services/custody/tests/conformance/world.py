"""A book in which every refusal of a transfer can be provoked by a single row, and those rows."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ringfence_custody.ledger.domain.lifecycle import AccountStatus, Standing
from ringfence_custody.ledger.domain.purposes import MINIMUM, AccountClass
from ringfence_custody.ledger.domain.result_codes import AMOUNT_MAX, AccountFlag, TransferFlag
from ringfence_custody.ledger.domain.rule_packs import rules_of
from ringfence_custody.ledger.domain.standings import Age, Standings
from ringfence_kernel.values.ids import MAX_ID

from ..ledger import (
    CHARGE,
    CLOSURE,
    COLLECTION,
    CZK,
    DEPOSIT,
    FEE,
    GUARANTEE_RELEASE,
    IMPORTER,
    MANDATE,
    PAYMENT,
    SECOND,
    WITHDRAWAL,
    Ledger,
    Row,
)
from .pairs import Defect
from .script import MAX

F = TransferFlag
C = AccountClass
CLIENTS = "alice bob frozen frozen_too dormant closing frozen_dormant frozen_closing shutter spent reserving".split()
BLOCKED = b"a blocked client"
FEE_MAXIMUM = 500
PAY = Row("new", "alice", "bob", 100)
POST = Row("new", flags=int(F.POST_PENDING_TRANSFER), pending_id="reserved", amount=AMOUNT_MAX, code=0, ledger=0)
VOID = replace(POST, flags=int(F.VOID_PENDING_TRANSFER), amount=0)
LATE_NS = MAX - 2**32 * SECOND + 2 * SECOND
"""From here on the longest timeout passes the end of time."""


def world() -> Ledger:
    """Returns the book: what its accounts and reservations are for is told by their names.

    Identity cannot be asked, so that nobody is refused for his standing; what refuses here otherwise is known for sure.
    """
    ledger = Ledger()
    for name in CLIENTS:
        ledger.account(name)
        ledger.fund(name, 1_000)
    ledger.account("carol")
    ledger.account("expecting")
    ledger.account("karel", ledger=CZK)
    ledger.account("covered", flags=AccountFlag.OVERDRAFT_COVERED)
    for name in ("shut", "shut too"):
        ledger.account(name, flags=AccountFlag.CLOSED)
    ledger.account("shut fees", C.FEE, flags=AccountFlag.CLOSED)
    ledger.account("fees", C.FEE)
    ledger.account("bank 2", C.BANK_MIRROR)
    ledger.account("platform", C.PLATFORM)
    ledger.account("shut platform", C.PLATFORM, flags=AccountFlag.CLOSED)
    ledger.account("shortfall", C.SHORTFALL)
    assert ledger.send(Row("charged", "shortfall", "bank 978", 1, code=CHARGE)) == ["created"]
    ledger.standing(Standing.ADMITTED, BLOCKED)
    ledger.account("blocked", owner=BLOCKED)
    ledger.fund("blocked", 1_000)
    ledger.account("guarantee", C.GUARANTEE)
    _reserve(ledger)
    ledger.adopt(
        "fees capped",
        *[
            replace(rule, maximum_minor=FEE_MAXIMUM) if rule.code in (FEE, COLLECTION) else rule
            for rule in rules_of(MINIMUM)
        ],
    )
    _change_states(ledger)
    ledger.fund("guarantee", 10)
    ledger.standings = Standings(Age.OLD)
    assert (
        ledger.send(Row("overdraft", "covered", "carol", 10), Row("spent all", "carol", "bob", 10)) == ["created"] * 2
    )
    return ledger


def _reserve(ledger: Ledger) -> None:
    """Makes reservations of every fate."""
    pending = partial(Row, amount=5, flags=int(F.PENDING))
    made = [
        replace(pending("reserved", "alice", "bob"), amount=300),
        Row("plain", "alice", "bob", 10),
        *(pending(name, "alice", "bob") for name in ("posted", "voided")),
        *(pending(name, "alice", "bob", timeout=5) for name in ("expired", "posted late", "voided late")),
        pending("expired of frozen", "frozen", "bob", timeout=5),
        pending("of frozen", "frozen", "bob"),
        pending("of dormant", "dormant", "bob"),
        pending("to frozen", "alice", "frozen"),
        pending("to closing", "alice", "closing"),
        pending("of dormant to frozen", "dormant", "frozen"),
        pending("of blocked", "blocked", "bob"),
        pending("of blocked to closing", "blocked", "closing"),
        pending("of shutter", "shutter", "bob"),
        pending("to shutter", "alice", "shutter"),
        pending("closing to shutter", "closing", "shutter"),
        pending("reserving", "reserving", "expecting"),
        Row("spending", "spent", "bob", 10),
    ]
    assert ledger.send(*made) == ["created"] * len(made)
    ledger.authority = replace(IMPORTER, owner=b"importer number2")
    assert ledger.send(pending("of another", "alice", "bob")) == ["created"]
    ledger.authority = IMPORTER
    ends = [replace(POST, id=f"end of {name}", pending_id=name) for name in ("posted", "posted late")]
    ends += [replace(VOID, id=f"end of {name}", pending_id=name) for name in ("voided", "voided late")]
    assert ledger.send(*ends) == ["created"] * len(ends)
    assert ledger.send(Row("burnt", "nobody", "bob", 1)) == ["debit_account_not_found"]


def _change_states(ledger: Ledger) -> None:
    """Lets deadlines pass, and brings accounts into the states that they are named for."""
    ledger.advance(6)
    ledger.standing(Standing.BLOCKED, BLOCKED)
    ledger.set_status(AccountStatus.DORMANT, "dormant", "frozen_dormant")
    ledger.set_status(AccountStatus.CLOSING, "closing", "frozen_closing")
    for name in ("frozen", "frozen_too", "frozen_dormant", "frozen_closing"):
        ledger.freeze(name)
    close = Row("closing", "shutter", "bob", 0, int(F.PENDING | F.CLOSING_DEBIT), code=CLOSURE)
    assert ledger.send(close) == ["created"]


OF_A_TRANSFER = {
    "linked_event_chain_open": Defect(flags=F.LINKED),
    "reserved_flag": Defect(flags=256),
    "id_must_not_be_zero": Defect({"id": bytes(16)}),
    "id_must_not_be_int_max": Defect({"id": MAX_ID}),
    "id_already_failed": Defect({"id": "burnt"}),
    "debit_account_id_must_not_be_zero": Defect({"debit": ""}),
    "debit_account_id_must_not_be_int_max": Defect({"debit": MAX_ID}),
    "credit_account_id_must_not_be_zero": Defect({"credit": ""}),
    "credit_account_id_must_not_be_int_max": Defect({"credit": MAX_ID}),
    "accounts_must_be_different": Defect({"debit": "alice", "credit": "alice"}),
    "pending_id_must_be_zero": Defect({"pending_id": "reserved"}),
    "timeout_reserved_for_pending_transfer": Defect({"timeout": 1}, without=F.PENDING),
    "closing_transfer_must_be_pending": Defect(flags=F.CLOSING_DEBIT, without=F.PENDING),
    "ledger_must_not_be_zero": Defect({"ledger": 0}),
    "code_must_not_be_zero": Defect({"code": 0}),
    "debit_account_not_found": Defect({"debit": "nobody"}),
    "credit_account_not_found": Defect({"credit": "none"}),
    "accounts_must_have_the_same_ledger": Defect({"credit": "karel"}),
    "transfer_must_have_the_same_ledger_as_accounts": Defect({"ledger": CZK}),
    "purpose_unknown": Defect({"code": 999}),
    "account_class_mismatch": Defect({"code": DEPOSIT}),
    "mandate_missing": Defect({"user_data_128": bytes(16)}),
    "mandate_unknown": Defect({"user_data_128": b"another mandate.", "code": PAYMENT}),
    "debit_account_frozen": Defect({"debit": "frozen"}),
    "debit_account_not_active": Defect({"debit": "dormant"}),
    "credit_account_frozen": Defect({"credit": "frozen_too"}),
    "credit_account_not_active": Defect({"credit": "closing"}),
    "owner_standing_unsettled": Defect({"debit": "blocked"}),
    "debit_account_already_closed": Defect({"debit": "shut"}),
    "credit_account_already_closed": Defect({"credit": "shut too"}),
    "shortfall_unfunded": Defect({"debit": "fees", "credit": "platform", "code": COLLECTION, "user_data_128": MANDATE}),
    "exceeds_purpose_maximum": Defect({"code": FEE, "credit": "fees", "amount": FEE_MAXIMUM + 1}),
    "overflows_debits_pending": Defect({"debit": "alice", "amount": MAX}, flags=F.PENDING),
    "overflows_debits_posted": Defect({"amount": MAX}, without=F.PENDING),
    "exceeds_credits": Defect({"debit": "carol"}),
    "exceeds_debits": Defect({"credit": "bank 2", "code": WITHDRAWAL}),
    "overdraft_not_covered": Defect({"debit": "covered"}),
    "guarantee_below_overdrafts": Defect(
        {"debit": "guarantee", "credit": "platform", "code": GUARANTEE_RELEASE, "amount": 1}
    ),
}
"""In order of precedence, as changes of PAY."""

OF_A_POST = {
    "flags_are_mutually_exclusive": Defect(flags=F.PENDING),
    "pending_id_must_not_be_zero": Defect({"pending_id": ""}),
    "pending_id_must_not_be_int_max": Defect({"pending_id": MAX_ID}),
    "pending_id_must_be_different": Defect({"id": "same", "pending_id": "same"}),
    "timeout_reserved_for_pending_transfer": Defect({"timeout": 1}),
    "pending_transfer_not_found": Defect({"pending_id": "nothing"}),
    "pending_transfer_not_pending": Defect({"pending_id": "plain"}),
    "pending_transfer_has_different_owner": Defect({"pending_id": "of another"}),
    "pending_transfer_has_different_debit_account_id": Defect({"debit": "carol"}),
    "pending_transfer_has_different_credit_account_id": Defect({"credit": "carol"}),
    "pending_transfer_has_different_ledger": Defect({"ledger": CZK}),
    "pending_transfer_has_different_code": Defect({"code": DEPOSIT}),
    "exceeds_pending_transfer_amount": Defect({"amount": 301}),
    "pending_transfer_already_posted": Defect({"pending_id": "posted"}),
    "pending_transfer_already_voided": Defect({"pending_id": "voided"}),
    "pending_transfer_expired": Defect({"pending_id": "expired"}),
    "debit_account_frozen": Defect({"pending_id": "of frozen"}),
    "debit_account_not_active": Defect({"pending_id": "of dormant"}),
    "credit_account_frozen": Defect({"pending_id": "to frozen"}),
    "credit_account_not_active": Defect({"pending_id": "to closing"}),
    "owner_standing_unsettled": Defect({"pending_id": "of blocked"}),
    "debit_account_already_closed": Defect({"pending_id": "of shutter"}),
    "credit_account_already_closed": Defect({"pending_id": "to shutter"}),
}
"""The same of POST."""

_FEE = replace(PAY, credit="fees", code=FEE)
_COLLECTION = replace(PAY, debit="fees", credit="platform", code=COLLECTION)
_RESERVE = replace(PAY, flags=int(F.PENDING))
_LONG = replace(_RESERVE, timeout=2**32 - 1)
BOTH = {
    ("linked_event_chain_open", "reserved_flag"): replace(PAY, flags=257),
    ("id_already_failed", "flags_are_mutually_exclusive"): replace(POST, id="burnt", flags=6),
    ("flags_are_mutually_exclusive", "debit_account_id_must_not_be_zero"): replace(POST, flags=6, debit=""),
    ("pending_transfer_has_different_amount", "pending_transfer_already_posted"): replace(
        VOID, pending_id="posted", amount=4
    ),
    ("pending_transfer_already_posted", "pending_transfer_expired"): replace(POST, pending_id="posted late"),
    ("pending_transfer_already_voided", "pending_transfer_expired"): replace(POST, pending_id="voided late"),
    ("pending_transfer_expired", "debit_account_frozen"): replace(POST, pending_id="expired of frozen"),
    ("debit_account_not_active", "credit_account_frozen"): replace(POST, pending_id="of dormant to frozen"),
    ("purpose_unknown", "account_class_mismatch"): replace(PAY, code=999, credit="fees"),
    ("debit_account_frozen", "debit_account_not_active"): replace(PAY, debit="frozen_dormant"),
    ("credit_account_frozen", "credit_account_not_active"): replace(PAY, credit="frozen_closing"),
    ("credit_account_not_active", "owner_standing_unsettled"): replace(POST, pending_id="of blocked to closing"),
    ("owner_standing_unsettled", "debit_account_already_closed"): replace(PAY, debit="shut", credit="blocked"),
    ("credit_account_already_closed", "exceeds_purpose_maximum"): replace(_FEE, credit="shut fees", amount=501),
    ("credit_account_already_closed", "shortfall_unfunded"): replace(_COLLECTION, credit="shut platform"),
    ("shortfall_unfunded", "exceeds_purpose_maximum"): replace(_COLLECTION, amount=501),
    ("exceeds_purpose_maximum", "overflows_debits_pending"): replace(_FEE, flags=int(F.PENDING), amount=MAX),
    ("overflows_debits_pending", "overflows_credits_pending"): replace(_RESERVE, amount=MAX),
    ("overflows_credits_pending", "overflows_debits_posted"): replace(_RESERVE, debit="spent", amount=MAX),
    ("overflows_debits_posted", "overflows_credits_posted"): replace(PAY, debit="spent", amount=MAX),
    ("overflows_credits_posted", "overflows_debits"): replace(PAY, debit="reserving", amount=MAX),
    ("overflows_debits", "overflows_credits"): replace(PAY, debit="reserving", credit="expecting", amount=MAX),
    ("overflows_credits", "exceeds_credits"): replace(PAY, debit="carol", amount=MAX - 1_100),
}
"""Rows for which two refusals hold that no single row of the tables above would give."""
BOTH_LATE = {
    ("overflows_credits", "overflows_timeout"): replace(_LONG, debit="carol", amount=MAX - 1_100),
    ("overflows_timeout", "exceeds_credits"): replace(_LONG, amount=5_000),
}
"""The same near the end of time."""
