"""What the bank tells of its accounts: statements add up, and faults are in files only."""

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree
from ringfence_bank_simulator.bank import Bank
from ringfence_bank_simulator.rules import Rules

SCHEMAS = Path(__file__).resolve().parents[4] / "shared" / "data" / "iso20022" / "xsd"
ACCOUNT, CLIENT = "FR1420041010050500013M02606", "DE89370400440532013000"
NOW_NS = 1_700_000_000 * 10**9
DAY, NEXT = "2023-11-14", "2023-11-15"
ALL_FAULTS = (
    "wrong_balance",
    "wrong_currency",
    "duplicate",
    "doubled",
    "missing",
    "other_date",
    "other_reference",
    "no_reference",
    "sum",
    "split",
    "in_two",
)


class Desk:
    """A spool and the bank behind it; each request is worked off at once."""

    def __init__(self, spool: Path) -> None:
        self.spool = spool
        self.bank = Bank(spool, [ACCOUNT], Rules())

    def ask(self, message_id: str, **fields: object) -> list[bytes]:
        """Hands a request in; returns the files that it brought, by name."""
        before = set(self._files())
        path = self.spool / "simulator" / "requests" / f"{message_id}.json"
        path.write_text(json.dumps({"message_id": message_id, **fields}))
        os.utime(path, ns=(NOW_NS, NOW_NS))
        assert self.bank.work(NOW_NS) == 1
        return [content for name, content in sorted(self._files().items()) if name not in before]

    def deposits(self, message_id: str, *amounts: str, **fields: object) -> list[bytes]:
        deposits = [
            {"creditor_iban": CLIENT, "amount": each, "currency": "EUR", "debtor_name": "Ada"} for each in amounts
        ]
        return self.ask(message_id, account_iban=ACCOUNT, deposits=deposits, **fields)

    def statement(self, message_id: str = "STM", day: str = DAY, **fields: object) -> list[bytes]:
        days = {"account_iban": ACCOUNT, "first_day": day, "last_day": day, "currency": "EUR"}
        return self.ask(message_id, statement=days | fields)

    def refused(self) -> list[str]:
        return sorted(path.name for path in (self.spool / "simulator" / "refused").iterdir())

    def _files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.spool / "inbox").iterdir()}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A bank with an empty account."""
    return Desk(tmp_path)


def _texts(content: bytes, name: str) -> list[str | None]:
    return [element.text for element in etree.fromstring(content).iter(f"{{*}}{name}")]


def _own(content: bytes, name: str) -> list[str]:
    """Returns texts of the entries themselves."""
    return [each.text for each in etree.fromstring(content).iterfind(f".//{{*}}Ntry/{{*}}{name}")]


def _balances(content: bytes) -> list[Decimal]:
    found = []
    for balance in etree.fromstring(content).iter("{*}Bal"):
        sign = 1 if balance.findtext("{*}CdtDbtInd") == "CRDT" else -1
        found.append(sign * Decimal(balance.findtext("{*}Amt")))
    return found


def test_a_statement_has_what_was_booked(desk: Desk) -> None:
    """Entries of the day in camt.053, told before or not, between balances that follow each other."""
    desk.deposits("A", "100.00", "0.50")
    desk.deposits("B", "7.00", is_told=False)
    desk.deposits("C", "9.00", day=NEXT)
    (first,), (second,) = desk.statement(), desk.statement("STM-2", NEXT)
    assert (sorted(_own(first, "Amt")), _balances(first)) == (["0.50", "100.00", "7.00"], [0, Decimal("107.50")])
    assert (_own(second, "Amt"), _balances(second)) == (["9.00"], [Decimal("107.50"), Decimal("116.50")])


def test_a_reversal_is_a_movement_of_its_own(desk: Desk) -> None:
    """It turns the direction, says so, and has its own reference; the balance falls."""
    (news,) = desk.deposits("A", "80.00")
    (reference,) = _own(news, "AcctSvcrRef")
    (back,) = desk.ask("R", debit={"account_iban": ACCOUNT, "reverses": reference})
    assert (_own(back, "RvslInd"), _own(back, "CdtDbtInd")) == (["true"], ["DBIT"])
    assert _own(back, "AcctSvcrRef") != [reference]
    assert _balances(desk.statement()[0]) == [0, 0]


def test_a_charge_is_the_banks_own(desk: Desk) -> None:
    """What the bank takes for itself is a debit that nobody asked for."""
    (news,) = desk.ask("F", debit={"account_iban": ACCOUNT, "amount": "2.50", "currency": "EUR", "text": "fee"})
    assert (_own(news, "CdtDbtInd"), _texts(news, "Ustrd")) == (["DBIT"], ["fee"])
    assert _balances(desk.statement()[0]) == [0, Decimal("-2.50")]


def test_several_deposits_may_be_one_movement(desk: Desk) -> None:
    """A sum has one reference of its own, and its transactions have theirs."""
    (news,) = desk.deposits("A", "100.00", "200.00", as_one=True)
    assert (_own(news, "Amt"), len(set(_texts(news, "AcctSvcrRef")))) == (["300.00"], 3)


def test_movements_are_told_again(desk: Desk) -> None:
    """One that is named, late, or all of a day; its reference is the same."""
    first, *_ = (_own(each, "AcctSvcrRef") for each in desk.deposits("A", "1.00", "2.00"))
    asked = {"account_iban": ACCOUNT, "currency": "EUR", "day": DAY}
    (again,) = desk.ask("N", notification=asked | {"references": first[:1]})
    (day,) = desk.ask("O", notification=asked)
    assert _own(again, "AcctSvcrRef") == first[:1]
    assert sorted(_own(day, "AcctSvcrRef")) == sorted(first)


def test_faults_are_in_files_only(desk: Desk) -> None:
    """Each fault changes what is told; the next statement of the same day, without it, is as if it had never been."""
    (news,) = desk.deposits("A", "100.00", "200.00", as_one=True)
    (reference,) = _own(news, "AcctSvcrRef")
    (right,) = desk.statement("RIGHT")
    for fault in ALL_FAULTS:
        wrong = desk.statement(f"W-{fault}", faults=[{"fault": fault}])
        assert [_told(each) for each in wrong] != [_told(right)], fault
        assert _told(desk.statement(f"R-{fault}")[0]) == _told(right), fault
    (none,) = desk.statement("NONE", faults=[{"fault": "no_reference", "reference": reference}])
    assert _own(none, "AcctSvcrRef") == ["NONREF"]
    halves = desk.statement("TWO", faults=[{"fault": "in_two"}])
    assert [_balances(each) for each in halves] == [[0, 300], [300, 300]]


def _told(content: bytes) -> tuple[object, ...]:
    names = ("Amt", "Ustrd", "AcctSvcrRef", "Dt", "TxId", "CpyDplctInd")
    currencies = [element.get("Ccy") for element in etree.fromstring(content).iter("{*}Amt")]
    return (*(tuple(_texts(content, name)) for name in names), tuple(currencies))


@pytest.mark.parametrize("count", [2, 3])
def test_pages_chain(desk: Desk, count: int) -> None:
    """Every page opens with what the page before closed with."""
    desk.deposits("A", "1.00", "2.00", "4.00", "8.00", "16.00")
    pages = desk.statement(pages=count)
    assert [_texts(each, "PgNb") for each in pages] == [[str(number)] for number in range(1, count + 1)]
    assert [_texts(each, "LastPgInd") for each in pages] == [["false"]] * (count - 1) + [["true"]]
    balances = [_balances(each) for each in pages]
    assert [each[1] for each in balances[:-1]] == [each[0] for each in balances[1:]]
    assert (balances[0][0], balances[-1][1]) == (0, 31)


def test_mt940(desk: Desk) -> None:
    """The same statement in SWIFT's form, with the bank's references and a reversal as such."""
    (news,) = desk.deposits("A", "80.00")
    (reference,) = _own(news, "AcctSvcrRef")
    desk.ask("R", debit={"account_iban": ACCOUNT, "reverses": reference})
    (content,) = desk.statement(format="MT940", sequence=7)
    lines = content.decode().split("\r\n")
    assert lines[1:4] == [f":25:{ACCOUNT}", ":28C:7/1", ":60F:C231114EUR0,00"]
    entries = [line for line in lines if line.startswith(":61:")]
    assert sorted(line[:17] for line in entries) == [":61:2311141114C80", ":61:2311141114RC8"]
    assert any(line.endswith(f"//{reference}") for line in entries)
    assert ":62F:C231114EUR0,00" in lines


def test_what_makes_no_sense_is_refused(desk: Desk) -> None:
    """A request with an unknown fault, entry, format or day leaves nothing booked and nothing told."""
    day = {"account_iban": ACCOUNT, "first_day": DAY, "last_day": DAY, "currency": "EUR"}
    assert desk.deposits("A", "1.00", faults=[{"fault": "unheard"}]) == []
    assert desk.ask("B", debit={"account_iban": ACCOUNT, "reverses": "nothing"}) == []
    assert desk.ask("C", statement=day | {"format": "CSV"}) == []
    assert desk.ask("D", statement=day | {"last_day": "tomorrow"}) == []
    assert desk.ask("E", statement=day | {"faults": [{"fault": "missing", "reference": "nothing"}]}) == []
    assert desk.ask("F", notification={"account_iban": ACCOUNT, "currency": "EUR", "day": DAY}) == []
    assert desk.refused() == [f"{name}.json" for name in "ABCDEF"]
    assert _balances(desk.statement()[0]) == [0, 0]


def test_a_restart_tells_the_same(desk: Desk) -> None:
    """What is booked is remembered: a statement of a bank that has started anew is the same."""
    desk.deposits("A", "1.00", "2.00")
    (before,) = desk.statement("ONE")
    desk.bank = Bank(desk.spool, [ACCOUNT], Rules())
    assert _told(desk.statement("TWO")[0]) == _told(before)


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="the schemas of ../shared/data are not here")
def test_statements_are_valid(desk: Desk) -> None:
    """What the bank writes is valid by the XSD of its version, whatever faults it has."""
    desk.deposits("A", "100.00", "200.00", as_one=True)
    desk.deposits("B", "1.00")
    files = [each for fault in ALL_FAULTS for each in desk.statement(f"S-{fault}", pages=2, faults=[{"fault": fault}])]
    files += desk.ask("N", notification={"account_iban": ACCOUNT, "currency": "EUR", "day": DAY})
    for content in files:
        document = etree.fromstring(content)
        name = (etree.QName(document).namespace or "").rpartition(":")[2]
        schema = etree.XMLSchema(file=str(SCHEMAS / f"{name}.xsd"))
        assert schema.validate(document), schema.error_log


def test_a_statement_lists_what_was_booked_in_its_order(desk: Desk) -> None:
    """Whatever its references are, and after a restart too."""
    amounts = [f"{number}.00" for number in range(1, 13)]
    desk.deposits("DEP1", *amounts[:8])
    desk.deposits("DEP2", *amounts[8:])
    desk.bank = Bank(desk.spool, [ACCOUNT], Rules())
    (found,) = desk.statement()
    assert _own(found, "Amt") == amounts
