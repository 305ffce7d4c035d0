"""Statements that the console writes of accounts are read here as a bank's are: two codes that share no line."""

from __future__ import annotations

from uuid import UUID

from ringfence_desk.camt053 import Between, Sealed, as_camt053
from ringfence_desk.fact import Fact
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.statement import statement
from ringfence_payment_instruction.statements.adapters.camt import read_camt

BOOK, CLIENT, BANK = UUID(int=1), UUID(int=2), UUID(int=3)
SEALED = Sealed("ringfence.example/log", 5, bytes(32), 1_796_048_159_914_290_969, is_whole=True)


def facts() -> list[Fact]:
    """Opens a client's account; 18,500.00 come, 20,000.01 go: it is overdrawn in the end."""
    opened = {"account_id": CLIENT.bytes, "account_class": "CLIENT", "ledger": 978, "owner_id": UUID(int=4).bytes}
    made = [Fact(0, "custody.account.v1", {**opened, "tenant_id": BOOK.bytes})]
    for number, (source, target, minor) in enumerate([(BANK, CLIENT, 18_500_00), (CLIENT, BANK, 20_000_01)], start=1):
        moved = {
            "debit_account_id": source.bytes,
            "credit_account_id": target.bytes,
            "transfer_id": UUID(int=0xB0 + number).bytes,
            "amount_minor": minor,
        }
        when = {"time_ns": SEALED.time_ns, "position": number, "ordinal": 0, "flags": 0, "code": 1, "ledger": 978}
        made.append(Fact(number, "custody.transfer.v1", {**moved, **when, "tenant_id": BOOK.bytes}))
    return made


def test_a_reader_of_banks_statements_comes_to_the_same() -> None:
    """Account, opening, closing, entries with their sides and references."""
    made = statement(CLIENT, facts())
    assert made
    written = as_camt053(made, Names(), Language.ENGLISH, Between(), SEALED)
    (read,) = read_camt(written).statements
    heading = read.heading
    assert heading.opening
    assert heading.closing
    assert (heading.account.other, heading.currency) == (CLIENT.hex, "EUR")
    assert (heading.opening.amount_minor, heading.closing.amount_minor) == (0, -1_500_01)
    assert [each.signed_minor for each in read.entries] == [18_500_00, -20_000_01]
    assert [each.bank_reference for each in read.entries] == [UUID(int=each).hex for each in (0xB1, 0xB2)]
