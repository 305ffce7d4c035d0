"""Strict reading of elements where no installed package ships an XSD (the bank's messages)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from datetime import date

from lxml import etree

from ringfence_payment_instruction.iso20022.document import MAX_ID_LENGTH, Message
from ringfence_payment_instruction.iso20022.refusal import FileRefused

MAX_TEXT_LENGTH = 140
_CODE = re.compile(r"[A-Z0-9]{1,4}")


class Node:
    """An element with the namespace its children must have. What is wrong raises FileRefused(STRUCTURE_INVALID)."""

    __slots__ = ("_children", "element", "namespace")

    def __init__(self, element: etree._Element, namespace: str) -> None:
        """Takes an element that stays as it is."""
        self.element = element
        self.namespace = namespace
        self._children: dict[str, list[etree._Element]] | None = None

    @classmethod
    def body_of(cls, message: Message, name: str) -> Node:
        """Returns the only child of Document, which must have that name."""
        document = cls(message.document, message.namespace)
        if len(message.document) != 1:
            raise document.invalid("one message body is expected")
        return document.only(name)

    def all(self, name: str) -> Iterator[Node]:
        """Yields the children of that name."""
        return (Node(child, self.namespace) for child in self._named(name))

    def maybe(self, name: str, *deeper: str) -> Node | None:
        """Returns the element at the path, None where a part of it is absent; each part may stand at most once."""
        found = self._named(name)
        if not found:
            return None
        if len(found) > 1:
            raise self.invalid(f"{name} stands more than once")
        node = Node(found[0], self.namespace)
        return node.maybe(*deeper) if deeper else node

    def only(self, *path: str) -> Node:
        """Returns the element at the path; each part must stand exactly once."""
        found = self.maybe(*path)
        if found is None:
            raise self.invalid(f"{'/'.join(path)} is missing")
        return found

    def text(self, *path: str, length: int = MAX_ID_LENGTH) -> str | None:
        """Returns the text at the path, None where it is absent or empty."""
        node = self.maybe(*path[:-1]) if len(path) > 1 else self
        found = node._named(path[-1]) if node is not None else ()
        if not found:
            return None
        if len(found) > 1:
            raise self.invalid(f"{path[-1]} stands more than once")
        element = found[0]
        text = element.text
        if not text:
            return None
        if len(text) > length or len(element):
            raise Node(element, self.namespace).invalid(f"a text of at most {length} characters is expected")
        return text

    def required_text(self, *path: str) -> str:
        """Returns the text at the path, which must be there; at most 35 characters."""
        found = self.text(*path)
        if found is None:
            raise self.invalid(f"{'/'.join(path)} is missing")
        return found

    def code(self, *path: str) -> str | None:
        """Returns an ISO external code: 1 to 4 capitals or digits."""
        found = self.text(*path)
        if found is not None and _CODE.fullmatch(found) is None:
            raise self.invalid(f"{'/'.join(path)} is not a code")
        return found

    def date(self, *path: str) -> date | None:
        """Returns the day of a DateAndDateTimeChoice, as the bank writes it."""
        choice = self.maybe(*path)
        if choice is None:
            return None
        text = choice.text("Dt") or choice.text("DtTm") or ""
        try:
            return date.fromisoformat(text.strip()[:10])
        except ValueError:
            raise choice.refused("DATE_INVALID", "no date") from None

    def has(self, name: str) -> bool:
        """Tells whether a child has this name."""
        return bool(self._named(name))

    def has_any(self, names: Set[str]) -> bool:
        """Tells whether a child has one of these names."""
        return not names.isdisjoint(self._told_apart())

    def _named(self, name: str) -> Sequence[etree._Element]:
        children = self._children
        return (self._told_apart() if children is None else children).get(name, ())

    def _told_apart(self) -> dict[str, list[etree._Element]]:
        """Returns the children of the namespace by name, told apart once: most elements are asked for many names."""
        if self._children is None:
            children: dict[str, list[etree._Element]] = {}
            self._children = children
            prefix = f"{{{self.namespace}}}"
            start = len(prefix)
            for child in self.element:
                tag = child.tag
                # Comments and instructions have a function there.
                if isinstance(tag, str) and tag.startswith(prefix):
                    name = tag[start:]
                    if name in children:
                        children[name].append(child)
                    else:
                        children[name] = [child]
        return self._children

    def invalid(self, text: str) -> FileRefused:
        """Returns the refusal for a structure that the message does not allow."""
        return self.refused("STRUCTURE_INVALID", text)

    def refused(self, reason: str, text: str) -> FileRefused:
        """Returns a refusal that names this element and its line."""
        return FileRefused(reason, f"line {self.element.sourceline}: {etree.QName(self.element).localname}: {text}")
