"""What a payment order says beside parties' names, accounts and amount: read as paths with texts, written as a tree.

A path names elements from the transaction down, as `RmtInf/Strd#2/RfrdDocInf/Nb`: `#2` is the second of its name beside
each other, and `@EUR` behind a name is its Ccy attribute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from lxml import etree

from ringfence_payment_instruction.iso20022.writer import Attributed, Node

Carried: TypeAlias = "tuple[tuple[str, str], ...]"
OLDER = "pain.001.001.03"
# How the components of pain.001.001.03 are named in those of pacs.008.001.08, which pain.001.001.09 shares.
_RENAMED = {"BIC": "BICFI", "BICOrBEI": "AnyBIC", "AdmstnZn": "AdmstnZone"}
_DEEPER = {"AdrTp": "Cd", "DscntApldAmt": "Amt", "TaxAmt": "Amt"}
_CONTACT = "CtctDtls"


class NotCarried(Exception):
    """Names an element that the message to the bank has no place for."""


def leaves(element: etree._Element, path: str, *, is_older: bool) -> Iterator[tuple[str, str]]:
    """Yields the paths and texts of all that an element holds; raises NotCarried."""
    if not len(element):
        if element.text:
            yield _of_leaf(element, path, is_older=is_older)
        return
    counts: dict[str, int] = {}
    for child in element:
        name = etree.QName(child).localname
        if is_older and name == "Othr" and path.endswith(_CONTACT):
            raise NotCarried(f"{path}/{name}")
        counts[name] = count = counts.get(name, 0) + 1
        shown = _RENAMED.get(name, name) if is_older else name
        yield from leaves(child, f"{path}/{shown}" if count == 1 else f"{path}/{shown}#{count}", is_older=is_older)


def _of_leaf(element: etree._Element, path: str, *, is_older: bool) -> tuple[str, str]:
    name = etree.QName(element).localname
    if is_older and name in _DEEPER:
        path = f"{path}/{_DEEPER[name]}"
    code = element.get("Ccy")
    return f"{path}@{code}" if code else path, element.text or ""


def names_in(carried: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Returns everybody whom it names, with the path of the element that is he or she, an agent without FinInstnId."""
    return [
        (_plain(path.removesuffix("/Nm")).removesuffix("/FinInstnId"), text)
        for path, text in carried
        if path.endswith("/Nm") and text.strip()
    ]


def _plain(path: str) -> str:
    return "/".join(part.partition("#")[0] for part in path.split("/"))


def nodes(carried: Iterable[tuple[str, str]], name: str) -> list[Node]:
    """Returns the elements of a name, as often as it stands, for a writer."""
    return [
        node
        for part, inside in _grouped(carried)
        if part.partition("#")[0].partition("@")[0] == name
        for node in [_node(part, inside)]
    ]


def _grouped(carried: Iterable[tuple[str, str]]) -> list[tuple[str, list[tuple[str, str]]]]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for path, text in carried:
        first, _, rest = path.partition("/")
        groups.setdefault(first, []).append((rest, text))
    return list(groups.items())


def _node(part: str, inside: list[tuple[str, str]]) -> Node:
    # As it is read: first which of its name it is, then its currency.
    name, _, code = part.partition("@")
    name = name.partition("#")[0]
    if inside[0][0]:
        return name, [_node(*each) for each in _grouped(inside)]
    text = inside[0][1]
    return name, Attributed(text, code) if code else text
