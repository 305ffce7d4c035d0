"""Elements of one namespace, and how a message of them is written."""

from __future__ import annotations

from datetime import UTC, datetime

from lxml import etree


class Elements:
    """Makes elements of one namespace from texts and elements."""

    def __init__(self, namespace: str) -> None:
        """Takes the namespace of the message."""
        self._prefix = f"{{{namespace}}}"
        self._namespaces = {None: namespace}

    def __call__(self, name: str, *content: str | etree._Element, **attributes: str) -> etree._Element:
        """Returns an element."""
        element = etree.Element(self._prefix + name, attributes, self._namespaces)  # type: ignore[arg-type]
        for part in content:
            if isinstance(part, str):
                element.text = part
            else:
                element.append(part)
        return element


def written(document: etree._Element) -> bytes:
    """Returns a message as bytes."""
    return etree.tostring(document, xml_declaration=True, encoding="UTF-8")


def moment(time_ns: int) -> str:
    """Returns UTC nanoseconds as an ISODateTime to the second."""
    return f"{datetime.fromtimestamp(time_ns // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"
