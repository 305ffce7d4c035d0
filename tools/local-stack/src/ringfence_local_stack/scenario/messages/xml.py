"""Elements without a namespace of their own, and the document that gives them one."""

from datetime import UTC, datetime
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ringfence.money import from_minor

Part = Element | str | None


def element(name: str, *content: Part, **attributes: str) -> Element:
    """An element of texts and elements; parts that are None or an empty text are left out."""
    made = Element(name, attributes)
    for part in content:
        if isinstance(part, str):
            made.text = part
        elif part is not None:
            made.append(part)
    return made


def optional(name: str, *content: Part, **attributes: str) -> Element | None:
    """The same, or None where all of its content is left out."""
    return element(name, *content, **attributes) if any(part is not None and part != "" for part in content) else None


def amount(name: str, amount_minor: int, currency: str) -> Element:
    """An amount in the currency's decimals."""
    return element(name, f"{from_minor(amount_minor, currency):f}", Ccy=currency)


def document(name: str, body: Element) -> bytes:
    """The bytes of a message, for instance "camt.054.001.08"."""
    whole = element("Document", body, xmlns=f"urn:iso:std:iso:20022:tech:xsd:{name}")
    content: bytes = ElementTree.tostring(whole, encoding="UTF-8", xml_declaration=True)
    return content


def now() -> str:
    """The time of creation of a message: now, in UTC, to the second."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def today() -> str:
    """Today in UTC."""
    return f"{datetime.now(UTC):%Y-%m-%d}"
