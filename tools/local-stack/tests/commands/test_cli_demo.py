"""The demo's example input is consistent in itself, so that a deviation is the platform's and not the script's."""

import xml.etree.ElementTree as ElementTree
from decimal import Decimal
from uuid import UUID

from ringfence.money import from_minor, to_minor
from ringfence.payments import InstructionStatus
from ringfence_local_stack.demo import script

_NAMESPACE = {"p": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"}
_BOOK = UUID(int=1)


def _has_right_check_digits(iban: str) -> bool:
    digits = "".join(str(int(character, 36)) for character in iban[4:] + iban[:4])
    return int(digits) % 97 == 1


def _file() -> ElementTree.Element:
    return ElementTree.fromstring(script.content("lantern-pain.001.xml"))


def _deposits_of_listed(platform: script.DemoPlatform) -> list[dict[str, str]]:
    """What the bank receives for the platform's client while a list names him."""
    return script.listed().deposits if script.listed().client in {each.name for each in platform.clients} else []


def _texts(path: str) -> list[str]:
    return [each.text or "" for each in _file().iterfind(path, _NAMESPACE)]


def _orders() -> dict[str, tuple[str, str, int]]:
    """Payer, payee and amount of every order, by end-to-end identification."""
    found = {
        each.end_to_end_id: (each.debtor_iban, each.creditor_iban, each.amount_minor)
        for each in script.batch(_BOOK) + script.orders(_BOOK, script.listed().batch)
    }
    for payment in _file().iterfind(".//p:PmtInf", _NAMESPACE):
        payer = payment.findtext("p:DbtrAcct/p:Id/p:IBAN", "", _NAMESPACE)
        for each in payment.iterfind("p:CdtTrfTxInf", _NAMESPACE):
            name = each.findtext("p:PmtId/p:EndToEndId", "", _NAMESPACE)
            payee = each.findtext("p:CdtrAcct/p:Id/p:IBAN", "", _NAMESPACE)
            found[name] = (payer, payee, to_minor(each.findtext("p:Amt/p:InstdAmt", "", _NAMESPACE), script.CURRENCY))
    return found


def test_every_iban_has_right_check_digits() -> None:
    """All IBANs of the example, invented as they are, have check digits by ISO 7064 MOD 97-10."""
    used = {iban for payer, payee, _ in _orders().values() for iban in (payer, payee)}
    for platform in script.platforms():
        used |= {platform.safeguarding_iban, *(client.iban for client in platform.clients)}
        deposits = platform.deposits + script.listed().deposits
        used |= {each[name] for each in deposits for name in ("creditor_iban", "debtor_iban")}
    assert [iban for iban in sorted(used) if not _has_right_check_digits(iban)] == []


def test_file_agrees_with_its_own_totals() -> None:
    """The file's number of transactions and control sum are those of its transactions."""
    amounts = [Decimal(text) for text in _texts(".//p:InstdAmt")]
    assert int(_texts(".//p:GrpHdr/p:NbOfTxs")[0]) == len(amounts)
    assert Decimal(_texts(".//p:GrpHdr/p:CtrlSum")[0]) == sum(amounts)


def test_every_order_has_an_expected_end() -> None:
    """The script says of every order how it ends, and of nothing else; every kind of end is shown."""
    expected = script.expectations()
    assert expected.keys() == _orders().keys()
    ends = {(each.status, each.reason) for each in expected.values()}
    assert {status for status, _ in ends} == {
        InstructionStatus.SETTLED,
        InstructionStatus.RECONCILED,
        InstructionStatus.REJECTED,
        InstructionStatus.FAILED,
    }
    assert {"SANCTIONS_HIT", "INSUFFICIENT_FUNDS"} <= {reason for _, reason in ends}
    assert {each.decision for each in expected.values()} == {"", "APPROVE", "REJECT"}


def test_listed_client_is_named_by_the_update_alone() -> None:
    """The second list names the client of the fourth act, who pays and is paid there; the first list does not."""
    (client,) = [
        each for platform in script.platforms() for each in platform.clients if each.name == script.listed().client
    ]
    assert client.name in script.content("sanctions-update.csv").decode()
    assert client.name not in script.content("sanctions.csv").decode()
    assert {each["debtor_iban"] for each in script.listed().batch} == {client.iban}
    assert {each["creditor_iban"] for each in script.listed().deposits} == {client.iban}


def test_final_balances_follow_from_deposits_and_payments() -> None:
    """What the script says of each account at the end is what deposits and executed payments leave there."""
    expected = script.expectations()
    executed = [
        order
        for name, order in _orders().items()
        if expected[name].status in (InstructionStatus.SETTLED, InstructionStatus.RECONCILED)
    ]
    for platform in script.platforms():
        balances = dict.fromkeys(platform.balances, 0)
        names = {client.iban: client.name for client in platform.clients}
        for deposit in platform.deposits:
            minor = to_minor(deposit["amount"], script.CURRENCY)
            balances[names.get(deposit["creditor_iban"], "suspense")] += minor
            balances["bank"] -= minor
        for deposit in _deposits_of_listed(platform):
            minor = to_minor(deposit["amount"], script.CURRENCY)
            balances["suspense"] += minor
            balances["bank"] -= minor
        for payer, payee, minor in executed:
            if payer in names:
                balances[names[payer]] -= minor
                balances[names.get(payee, "bank")] += minor
        assert balances == platform.balances
        assert sum(platform.balances.values()) == 0


def test_bank_refuses_only_what_the_script_says_fails() -> None:
    """The amounts that the simulated bank refuses are those of the orders that end as FAILED."""
    expected = script.expectations()
    failing = [minor for name, (_, _, minor) in _orders().items() if expected[name].status is InstructionStatus.FAILED]
    assert [str(from_minor(minor, script.CURRENCY)) for minor in failing] == script.refused_amounts()


def test_number_of_transfers_follows_from_the_ends() -> None:
    """A deposit or a payment in the book is one transfer; one by the bank is two: reserved, then posted or voided."""
    expected = script.expectations()
    ours = {client.iban for platform in script.platforms() for client in platform.clients}
    for platform in script.platforms():
        payers = {client.iban for client in platform.clients}
        count = len(platform.deposits) + len(_deposits_of_listed(platform))
        for name, (payer, payee, _) in _orders().items():
            if payer in payers and expected[name].status is not InstructionStatus.REJECTED:
                count += 1 if payee in ours else 2
        assert count == platform.transfers
