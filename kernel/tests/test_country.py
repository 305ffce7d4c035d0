"""Countries are those of ISO 3166-1, each under one code."""

from string import ascii_uppercase

import pytest
from ringfence_kernel.values.country import CODES, country
from stdnum import numdb


def test_every_country_of_the_registry_of_ibans_is_one() -> None:
    """The registry names countries by the same standard, but for Kosovo, whose code the standard leaves to users."""
    registered = {
        first + second for first in ascii_uppercase for second in ascii_uppercase if _has_ibans(first + second)
    }
    assert len(registered) > 80
    assert registered - CODES == {"XK"}


def _has_ibans(code: str) -> bool:
    return bool(numdb.get("iban").info(code)[0][1])


@pytest.mark.parametrize("code", ["XX", "QQ", "XK", "EU", "UN", "AA", "ZZ", "gb", "GBR", "", "G", "\uff27\uff22"])
def test_what_no_country_has_is_none(code: str) -> None:
    """User-assigned, exceptionally reserved and misspelt codes are refused."""
    assert country(code) is None


def test_the_united_kingdom_has_one_code() -> None:
    """UK is reserved for it, and GB assigned."""
    assert (country("UK"), country("GB"), len(CODES)) == ("GB", "GB", 249)
