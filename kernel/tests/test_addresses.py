"""Addresses in the fields of ISO 20022."""

from __future__ import annotations

from typing import Any

import pytest
from ringfence_kernel.values.addresses import ELEMENTS, PostalAddress

WHOLE: dict[str, Any] = {name: f"{name} 1"[:length] for name, (_, length) in ELEMENTS.items()}
WHOLE |= {"country": "DE", "address_lines": ("Hinterhaus", "bei Quill")}


def test_an_address_comes_out_as_it_went_in() -> None:
    """Every field, in the order of the standard."""
    address = PostalAddress(**WHOLE)
    assert address.flaw() == ""
    assert PostalAddress.of_text(address.text()) == address
    assert [element for element, _ in address.elements()] == [
        "Dept", "SubDept", "StrtNm", "BldgNb", "BldgNm", "Flr", "PstBx", "Room", "PstCd", "TwnNm", "TwnLctnNm",
        "DstrctNm", "CtrySubDvsn", "Ctry", "AdrLine", "AdrLine",
    ]  # fmt: skip


def test_nothing_is_no_address() -> None:
    """It is false, and stays nothing."""
    assert not PostalAddress()
    assert PostalAddress(room="1")
    assert PostalAddress.of_text("") == PostalAddress()
    assert "Lindenweg" not in repr(PostalAddress(street_name="Lindenweg"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"town_name": ""}, "town_name"),
        ({"town_name": "T" * 36}, "town_name"),
        ({"town_name": " "}, "town_name"),
        ({"country": ""}, "country"),
        ({"country": "UK"}, "country"),
        ({"country": "XX"}, "country"),
        ({"country": "de"}, "country"),
        ({"street_name": "S" * 71}, "street_name"),
        ({"street_name": "one\ntwo"}, "street_name"),
        ({"building_number": "1" * 17}, "building_number"),
        ({"post_code": "1\u202e2"}, "post_code"),
        ({"address_lines": ("1", "2", "3")}, "address_lines"),
        ({"address_lines": ("L" * 71,)}, "address_lines"),
        ({"address_lines": ("",)}, "address_lines"),
    ],
)
def test_what_a_bank_cannot_be_told_is_named(changes: dict[str, Any], field: str) -> None:
    """The field that is missing, malformed or too long."""
    assert PostalAddress(**(WHOLE | changes)).flaw() == field
