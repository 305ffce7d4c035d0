"""Amounts: exact to the last minor unit, in any currency."""

import pytest
from ringfence_desk import money
from ringfence_desk.language import Language


@pytest.mark.parametrize(
    ("minor", "ledger", "shown"),
    [
        (1_850_000, 978, "18,500.00 EUR"),
        (-5, 978, "−0.05 EUR"),
        (2**63 - 1, 978, "92,233,720,368,547,758.07 EUR"),
        (1234, 392, "1,234 JPY"),
        (1234, 48, "1.234 BHD"),
        (0, 156, "0.00 CNY"),
        (1234, 999_999, "1,234"),
        (1234, None, "1,234"),
    ],
)
@pytest.mark.parametrize("language", Language)
def test_amounts_as_people_read_them(minor: int, ledger: int | None, shown: str, language: Language) -> None:
    """Decimals are the currency's, a minus is a minus, what is large is not rounded, and ¥ is never used."""
    assert money.amount(minor, ledger, language) == shown


def test_amounts_for_machines() -> None:
    """Tables for machines have digits and a point alone."""
    assert [money.plain(-1_850_005, 978), money.plain(7, 392), money.plain(7, None)] == ["-18500.05", "7", "7"]
