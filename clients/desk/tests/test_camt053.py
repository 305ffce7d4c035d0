"""Statements as camt.053: valid by the schema, and the figures are those of the statement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from ringfence_desk.camt053 import NAMESPACE, Between, NotStatable, Sealed, as_camt053
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.statement import Statement, statement

from .books import ANNA, BERTA, MIRROR, MOVES, PLATFORM, SHORTFALL, Book

SEALED = Sealed("ringfence.example/log", 25, bytes(32), 1_796_048_159_914_290_969, is_whole=True)
HOSTILE = "<Nm>&\u202e\u0000\ud800\uffff" + "x" * 1_000


@pytest.fixture(scope="module")
def schema(foreign_data: Callable[[str], Path]) -> etree.XMLSchema:
    """ISO 20022's own."""
    return etree.XMLSchema(etree.parse(str(foreign_data("iso20022/xsd/camt.053.001.08.xsd"))))


def made_of(moves: list[tuple[UUID, UUID, int]], account: UUID, between: Between) -> Statement:
    """Gives the statement of an account after movements."""
    book = Book()
    for source, target, minor in moves:
        book.move(source, target, minor, subject=UUID(int=0xCAFE))
    found = statement(account, book.facts_of(account), between.from_ns, between.until_ns)
    assert found
    return found


def written(found: Statement, between: Between, names: Names | None = None) -> etree._Element:
    """Writes it, and reads the XML."""
    return etree.fromstring(as_camt053(found, names or Names(), Language.CHINESE, between, SEALED))


def texts(of: etree._Element, path: str) -> list[str]:
    """Gives the texts of elements by their names."""
    return [each.text or "" for each in of.iterfind("/".join(f"{{{NAMESPACE}}}{name}" for name in path.split("/")))]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES, st.sampled_from([ANNA, MIRROR, SHORTFALL]), st.booleans())
def test_it_says_what_the_statement_says(
    schema: etree.XMLSchema, moves: list[tuple[UUID, UUID, int]], account: UUID, is_part: bool
) -> None:
    """Opening and closing with their sides, each entry, and sums: valid by the schema, whatever moved."""
    between = Between(9 * 10**9, 12 * 10**9) if is_part else Between()
    found = made_of(moves, account, between)
    document = written(found, between)
    schema.assertValid(document)
    (told,) = document.iterfind(f"{{{NAMESPACE}}}BkToCstmrStmt/{{{NAMESPACE}}}Stmt")
    sides = texts(told, "Bal/CdtDbtInd"), texts(told, "Ntry/CdtDbtInd")
    amounts = texts(told, "Bal/Amt"), texts(told, "Ntry/Amt")
    balances, changes = (
        [int(Decimal(amount) * 100) * (1 if side == "CRDT" else -1) for amount, side in zip(*pair, strict=True)]
        for pair in zip(amounts, sides, strict=True)
    )
    assert balances == [found.opening_minor, found.closing_minor]
    assert changes == [line.change_minor for line in found.lines]
    assert [Decimal(each) * 100 for each in texts(told, "TxsSummry/TtlCdtNtries/Sum")] == [found.in_minor]
    assert [Decimal(each) * 100 for each in texts(told, "TxsSummry/TtlDbtNtries/Sum")] == [found.out_minor]
    assert texts(told, "Ntry/NtryRef") == [str(line.move.fact.index) for line in found.lines]


def test_names_of_others_are_text(schema: etree.XMLSchema) -> None:
    """Markup, what turns text around, what XML cannot have: it is valid, and says so."""
    found = made_of([(MIRROR, ANNA, 5), (ANNA, BERTA, 3)], ANNA, Between())
    names = Names().learned(Book().facts).with_parties(PLATFORM, {UUID(int=BERTA.int + 0x1000): HOSTILE})
    document = written(found, Between(), names)
    schema.assertValid(document)
    (name,) = texts(document, "BkToCstmrStmt/Stmt/Ntry/NtryDtls/TxDtls/RltdPties/Cdtr/Pty/Nm")
    assert name.startswith("<Nm>&\u301aU+202E\u301b\u301aU+0000\u301b\u301aU+D800\u301b")
    assert len(name) == 140


def test_the_same_is_the_same_bytes_and_another_is_another_message() -> None:
    """Who is told twice sees that it is one; the state of another day has a name of its own."""
    found = made_of([(MIRROR, ANNA, 5)], ANNA, Between())
    later = Sealed(SEALED.origin, SEALED.size + 1, SEALED.root, SEALED.time_ns, is_whole=False)
    first, again, other = (
        as_camt053(found, Names(), Language.ENGLISH, Between(), sealed) for sealed in (SEALED, SEALED, later)
    )
    assert first == again
    identifiers = {texts(etree.fromstring(each), "BkToCstmrStmt/GrpHdr/MsgId")[0] for each in (first, other)}
    assert len(identifiers) == 2
    assert b"all movements, proven" in first
    assert b"is not proven" in other


def test_other_content_is_another_message() -> None:
    """Whatever differs: the language, a name that was disclosed since, whether it is proven to be all."""
    found = made_of([(MIRROR, ANNA, 5), (ANNA, BERTA, 3)], ANNA, Between())
    named = Names().learned(Book().facts).with_parties(PLATFORM, {UUID(int=BERTA.int + 0x1000): "Berta"})
    part = replace(SEALED, is_whole=False)
    asked = [
        (Names(), Language.ENGLISH, SEALED),
        (Names(), Language.CHINESE, SEALED),
        (named, Language.ENGLISH, SEALED),
        (Names(), Language.ENGLISH, part),
    ]
    made = [as_camt053(found, names, language, Between(), sealed) for names, language, sealed in asked]
    told = [etree.fromstring(each) for each in made]
    identifiers = [texts(each, f"BkToCstmrStmt/{name}") for name in ("GrpHdr/MsgId", "Stmt/Id") for each in told]
    assert len(set(made)) == len(asked)
    assert identifiers[: len(asked)] == identifiers[len(asked) :]
    assert len({each for (each,) in identifiers}) == len(asked)


@pytest.mark.parametrize(
    "between",
    [Between(None, 10**9), Between(None, SEALED.time_ns + 10**18), Between(SEALED.time_ns + 10**15, None), Between()],
)
def test_it_closes_no_earlier_than_it_opens_and_no_later_than_the_log_stands(between: Between) -> None:
    """Before the first movement, and where more is asked for than the log speaks of."""
    told = written(made_of([(MIRROR, ANNA, 5)], ANNA, between), between)
    opens, closes = texts(told, "BkToCstmrStmt/Stmt/Bal/Dt/Dt")
    assert opens <= closes <= "2026-11-30"


def test_what_no_message_can_state_is_refused() -> None:
    """An amount of 19 digits, a currency that ISO 4217 has not: never something else in its place."""
    found = made_of([(MIRROR, ANNA, 10**18)], ANNA, Between())
    with pytest.raises(NotStatable, match="18 digits"):
        written(found, Between())
    far = Between(0, 10**21)
    with pytest.raises(NotStatable, match="no date"):
        written(made_of([(MIRROR, ANNA, 5)], ANNA, far), far)
    book = Book()
    book.add(
        "custody.account.v1",
        {"account_id": UUID(int=1).bytes, "account_class": "CLIENT", "ledger": 7, "owner_id": UUID(int=2).bytes},
    )
    strange = statement(UUID(int=1), book.facts_of(UUID(int=1)))
    assert strange
    with pytest.raises(NotStatable, match="currency"):
        written(strange, Between())
