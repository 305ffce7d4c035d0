"""Amounts, columns and totals."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence import columns, money, new_id
from ringfence.errors import RingfenceError
from ringfence.identity import ItemResult, require_done
from ringfence.ledger import AccountClass, Balances, ClassTotal, NewTransfer, Purpose, Totals, TransferFlag
from ringfence_kernel.values import money as kernel_money
from ringfence_protos.custody.v1 import custody_pb2


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.sampled_from(["EUR", "JPY", "BHD", "CLF"]))
def test_minor_units_survive_the_way_to_decimals_and_back(minor: int, currency: str) -> None:
    """No minor unit is lost or gained in any number of decimals."""
    assert money.to_minor(money.from_minor(minor, currency), currency) == minor


NO_AMOUNTS = (
    *("", ".", "1.234", "1.500", "9223372036854775808", "9" * 5_000, "0" * 100 + "1", f"12.5{'0' * 28}1"),
    *("-1", "-0", "+1", "1e1", "1E1", "1e400", "NaN", "Infinity", "0x10", "1_0.00", "1,00", "1.2.3", "1'000"),
    *(" 1", "1 ", "1\n", "\u00a01", "1\u2003", "\uff11\uff12.50", "\u0661\u0662.50", "1\u066b5", "\u00b2", "\u216b"),
)


@pytest.mark.parametrize("text", NO_AMOUNTS)
def test_amount_that_is_none_is_refused(text: str) -> None:
    """Too many decimals, too much, a sign, a space, other digits, or no decimal at all."""
    with pytest.raises(ValueError, match="no amount of EUR"):
        money.to_minor(text, "EUR")


@pytest.mark.parametrize("number", ["1.234", "NaN", "Infinity", "1e400", f"12.5{'0' * 38}1", "92233720368547758.08"])
def test_decimal_that_is_no_amount_is_refused(number: str) -> None:
    """A program's decimal is taken exactly or not at all."""
    with pytest.raises(ValueError, match="no amount of EUR"):
        money.to_minor(Decimal(number), "EUR")


@given(st.text("0123456789.eE+-_, \uff11\u0661", max_size=20), st.sampled_from(["JPY", "EUR", "BHD", "CLF"]))
def test_sdk_and_services_read_the_same_amounts(text: str, currency: str) -> None:
    """A text is the same amount on both sides, or none on both."""
    try:
        expected = kernel_money.to_minor(text, kernel_money.currency(currency))
    except kernel_money.AmountInvalid:
        with pytest.raises(ValueError, match="no amount"):
            money.to_minor(text, currency)
    else:
        assert money.to_minor(text, currency) == expected


def test_amounts_are_shown_with_all_decimals() -> None:
    """People read an amount with its thousands, its decimals and its currency."""
    assert money.show(123456780, "EUR") == "1,234,567.80 EUR"
    assert money.from_minor(-5, "EUR") == Decimal("-0.05")


def test_transfer_survives_the_way_to_columns_and_back() -> None:
    """What is put into columns is read back from the ledger's message unchanged."""
    new = NewTransfer(
        id=new_id(),
        amount_minor=12_345,
        currency="CZK",
        code=Purpose.PAYMENT,
        debit_account_id=new_id(),
        credit_account_id=new_id(),
        user_data_128=new_id(),
        user_data_64=9,
        timeout_seconds=60,
        flags=TransferFlag.PENDING,
        value_date=date(1993, 2, 26),
    )
    packed = columns.transfer_columns([new])
    stored = custody_pb2.Transfer(
        id=packed.id,
        debit_account_id=packed.debit_account_id,
        credit_account_id=packed.credit_account_id,
        amount_minor=packed.amount_minor[0],
        user_data_128=packed.user_data_128,
        user_data_64=packed.user_data_64[0],
        timeout_seconds=packed.timeout_seconds[0],
        ledger=packed.ledger[0],
        code=packed.code[0],
        flags=packed.flags[0],
        value_date_days=packed.value_date_days[0],
        timestamp_ns=1,
    )
    read = columns.transfer(stored)
    assert {name: getattr(read, name) for name in new.__dataclass_fields__} == vars(new)


def test_missing_value_dates_are_today_only_beside_given_ones() -> None:
    """Without any value date the column is left to the ledger; beside a given one the others are today's."""
    plain = NewTransfer(id=new_id(), amount_minor=1, currency="EUR", code=1)
    dated = NewTransfer(id=new_id(), amount_minor=1, currency="EUR", code=1, value_date=date(1970, 1, 2))
    today = (datetime.now(UTC).date() - date(1970, 1, 1)).days
    assert list(columns.transfer_columns([plain]).value_date_days) == []
    assert list(columns.transfer_columns([plain, dated]).value_date_days) in ([today, 1], [today + 1, 1])


def test_totals_tell_whether_each_currency_balances() -> None:
    """A currency balances when debits equal credits over all classes, posted and pending."""
    rows = [
        ClassTotal(AccountClass.CLIENT, "EUR", 1, Balances(5, 20, 0, 100)),
        ClassTotal(AccountClass.BANK_MIRROR, "EUR", 1, Balances(0, 100, 5, 20)),
        ClassTotal(AccountClass.CLIENT, "USD", 1, Balances(0, 0, 0, 1)),
    ]
    assert Totals(rows, 3, 9).balanced_currencies() == {"EUR": True, "USD": False}


@pytest.mark.parametrize(
    ("reason", "transient"),
    [("ERASURE_NOT_LOGGED", True), ("ERASURE_REGISTER_UNAVAILABLE", True), ("ERASURE_REFUSED", False)],
)
def test_what_is_done_and_not_told_yet_may_be_asked_again(reason: str, transient: bool) -> None:
    """Whoever insists on an answer asks again, as where the whole call was refused; a refusal stays one."""
    with pytest.raises(RingfenceError) as caught:
        require_done([ItemResult(""), ItemResult(reason)])
    assert (caught.value.reason, caught.value.is_transient) == (reason, transient)
