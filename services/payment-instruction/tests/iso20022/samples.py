"""Samples of what a schema allows: of a type as many as it takes for every element and every choice to be in one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from lxml import etree

XSD = "{http://www.w3.org/2001/XMLSchema}"
# One of them is of each pattern in the schemas.
OF_PATTERNS = (
    "GB29NWBK60161331926819", "NWBKGB2LXXX", "529900T8BM49AURSDO55", "EUR", "DE", "+49-301234", "7", "ab12",
    "9a0c4f5e-7f3a-4c5f-9d3c-2f1f6a1d0b7e",
)  # fmt: skip
BUILT_IN = {
    "xs:string": "x",
    "xs:decimal": "1",
    "xs:boolean": "true",
    "xs:date": "2026-02-04",
    "xs:dateTime": "2026-02-04T10:00:00Z",
    "xs:gYear": "2026",
}


class Schema:
    """The types of one schema; `tally` makes every text another, so that none can be taken for the next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.tally = 0

    @cached_property
    def types(self) -> dict[str, etree._Element]:
        """Types by name."""
        found = etree.parse(self._path).getroot()
        return {str(each.get("name")): each for each in found if each.get("name") and each.tag != f"{XSD}element"}

    def type_of(self, type_name: str, element: str) -> str:
        """Returns the type of an element of a type."""
        return next(str(each.get("type")) for each in self._elements(type_name) if each.get("name") == element)

    def transfer_type(self) -> str:
        """Returns the type of CdtTrfTxInf."""
        owner = next(each for each in self.types if each.startswith("PaymentInstruction") and self._has(each))
        return self.type_of(owner, "CdtTrfTxInf")

    def _has(self, type_name: str) -> bool:
        return any(each.get("name") == "CdtTrfTxInf" for each in self._elements(type_name))

    def samples(self, name: str, type_name: str) -> list[str]:
        """Returns elements of a name, which together have every element that its type allows, twice where that may be.

        One sample has a branch of every choice; where a choice has more, there are more samples.
        """
        found = self.types.get(type_name)
        if found is None or found.tag == f"{XSD}simpleType":
            return [f"<{name}>{self._text(type_name)}</{name}>"]
        if (simple := found.find(f"{XSD}simpleContent/{XSD}extension")) is not None:
            return [f'<{name} Ccy="EUR">{self._text(str(simple.get("base")))}</{name}>']
        parts = [list(self._several(each)) for each in self._elements(type_name)]
        if found.find(f".//{XSD}choice") is not None:
            return [f"<{name}>{text}</{name}>" for part in parts for text in part]
        return [
            f"<{name}>{''.join(part[turn % len(part)] for part in parts)}</{name}>"
            for turn in range(max(map(len, parts), default=1))
        ]

    def _several(self, element: etree._Element) -> Iterator[str]:
        """Yields an element's samples, and where it may stand more than once two of them together."""
        samples = self.samples(str(element.get("name")), str(element.get("type")))
        yield from samples
        if element.get("maxOccurs", "1") != "1":
            yield samples[0] + samples[-1]

    def _elements(self, type_name: str) -> list[etree._Element]:
        found = self.types[type_name]
        return [each for each in found.iter(f"{XSD}element") if each.get("name")]

    def _text(self, type_name: str) -> str:
        found = self.types.get(type_name)
        if found is None:
            return BUILT_IN[type_name]
        if (value := found.find(f".//{XSD}enumeration")) is not None:
            return str(value.get("value"))
        if (pattern := found.find(f".//{XSD}pattern")) is not None:
            return next(each for each in OF_PATTERNS if re.fullmatch(str(pattern.get("value")), each))
        base = str(found.find(f"{XSD}restriction").get("base"))  # type: ignore[union-attr]
        if base != "xs:string":
            return BUILT_IN[base]
        self.tally += 1
        length = found.find(f".//{XSD}maxLength")
        return f"{self.tally:x}"[-int(str(length.get("value"))) :] if length is not None else f"{self.tally:x}"


def texts_of(content: str | bytes) -> list[str]:
    """Returns the texts of an outline, in order."""
    return re.findall(r">([^<>]+)<", content if isinstance(content, str) else content.decode())
