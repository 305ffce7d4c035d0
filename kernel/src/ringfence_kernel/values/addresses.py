"""Postal addresses in the fields of ISO 20022 (PostalAddress24), structured or hybrid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from ringfence_kernel.values.characters import is_name
from ringfence_kernel.values.country import country as iso_country

MAX_LINES = 2
"""Lines beside the fields of a hybrid address, as usage guidelines of banks allow (CBPR+)."""
MAX_LINE = 70


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PostalAddress:
    """Where somebody lives or has a seat; texts may be empty. Nothing of it shows in a representation.

    The fields stand in the order of the standard.
    """

    department: str = ""
    sub_department: str = ""
    street_name: str = ""
    building_number: str = ""
    building_name: str = ""
    floor: str = ""
    post_box: str = ""
    room: str = ""
    post_code: str = ""
    town_name: str = ""
    town_location_name: str = ""
    district_name: str = ""
    country_sub_division: str = ""
    country: str = ""
    address_lines: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tells whether anything is given."""
        return any(getattr(self, each.name) for each in fields(self))

    def flaw(self) -> str:
        """Returns the first field that is missing, malformed or too long, empty where there is none.

        Whoever gives an address gives its town and its country, an assigned ISO 3166-1 alpha-2 code.
        """
        for name, (_, length) in ELEMENTS.items():
            text = getattr(self, name)
            if text and not is_name(text, length):
                return name
        if not self.town_name:
            return "town_name"
        if iso_country(self.country) != self.country:
            return "country"
        lines = self.address_lines
        return "" if len(lines) <= MAX_LINES and all(is_name(each, MAX_LINE) for each in lines) else "address_lines"

    def elements(self) -> Iterator[tuple[str, str]]:
        """Yields the elements of the standard that are given, in its order, with their texts."""
        yield from ((element, text) for name, (element, _) in ELEMENTS.items() if (text := getattr(self, name)))
        yield from (("AdrLine", line) for line in self.address_lines)

    def text(self) -> str:
        """Returns it as one text, a line per element, for `of_text`; empty for none."""
        return "\n".join(f"{element} {text}" for element, text in self.elements())

    @classmethod
    def of_text(cls, text: str) -> PostalAddress:
        """Returns the address of which `text` was made."""
        pairs = [line.split(" ", 1) for line in text.split("\n") if line]
        names = {element: name for name, (element, _) in ELEMENTS.items()}
        known = {names[element]: value for element, value in pairs if element in names}
        return cls(**known, address_lines=tuple(value for element, value in pairs if element == "AdrLine"))


NO_ADDRESS = PostalAddress()
ELEMENTS = {
    "department": ("Dept", 70),
    "sub_department": ("SubDept", 70),
    "street_name": ("StrtNm", 70),
    "building_number": ("BldgNb", 16),
    "building_name": ("BldgNm", 35),
    "floor": ("Flr", 70),
    "post_box": ("PstBx", 16),
    "room": ("Room", 70),
    "post_code": ("PstCd", 16),
    "town_name": ("TwnNm", 35),
    "town_location_name": ("TwnLctnNm", 35),
    "district_name": ("DstrctNm", 35),
    "country_sub_division": ("CtrySubDvsn", 35),
    "country": ("Ctry", 2),
}
"""Fields, with their elements and the most characters they take."""
