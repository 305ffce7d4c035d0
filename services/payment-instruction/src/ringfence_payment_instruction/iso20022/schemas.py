"""XML schemas of the messages customers send, out of the installed package that ships them, compiled once."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any, NamedTuple, cast

from lxml import etree

from ringfence_payment_instruction.iso20022.document import Message
from ringfence_payment_instruction.iso20022.refusal import FileRefused

CREDIT_TRANSFER_SCHEMAS = frozenset({"pain.001.001.03", "pain.001.001.09"})
_MAX_TEXT = 200
_CHUNK_BYTES = 64 * 1024
# libxml2 shares one error log per schema, so a schema serves one thread at a time.
_validating = threading.Lock()


@cache
def schema(message_name: str) -> etree.XMLSchema:
    """Returns the compiled schema of one of CREDIT_TRANSFER_SCHEMAS (shipped by the package sepaxml)."""
    with (resources.files("sepaxml") / "schemas" / f"{message_name}.xsd").open("rb") as file:
        return etree.XMLSchema(etree.parse(file))


def require_valid(message: Message) -> None:
    """Raises FileRefused with the line of the first error unless the message is valid by its XSD.

    It is validated as a stream that ends at the first error: of a tree libxml2 notes every error with a path that it
    counts out, which takes hours where there are many.
    """
    content = etree.tostring(message.document, encoding="UTF-8", xml_declaration=False, with_tail=False)
    chunks = [content[start : start + _CHUNK_BYTES] for start in range(0, len(content), _CHUNK_BYTES)]
    with _validating:
        compiled = schema(message.name)
        seen = _first_error(compiled, chunks)
        if seen is None:
            return
        # Of a stream libxml2 does not say the line: it is read once more, and that part line by line.
        before = b"".join(chunks[: seen.part])
        lines = b"".join(chunks[seen.part :]).splitlines(keepends=True)
        error = _first_error(compiled, [before, *lines]) or seen
    first_line = cast(int, message.document.sourceline or 1)
    line = first_line + before.count(b"\n") + max(error.part - 1, 0)
    raise FileRefused("SCHEMA_INVALID", f"line {line}: {_without_values(error.text)}"[:_MAX_TEXT])


class _Error(NamedTuple):
    """Number of the part with which an error showed, and libxml2's text."""

    part: int
    text: str


class _NoTree:
    """What a parser makes where nothing is asked for."""

    def close(self) -> None:
        """Returns nothing."""


def _first_error(compiled: etree.XMLSchema, parts: Sequence[bytes]) -> _Error | None:
    target: Any = _NoTree()
    parser = etree.XMLParser(schema=compiled, target=target, resolve_entities=False, no_network=True)
    for number, part in enumerate(parts):
        raised = ""
        try:
            parser.feed(part)
            if number == len(parts) - 1:
                parser.close()
        except etree.XMLSyntaxError as invalid:
            # Of a line beyond libxml2's 10 MB it does not only note the error.
            raised = invalid.msg
        for error in parser.feed_error_log:
            return _Error(number, error.message)
        if raised:
            return _Error(number, raised)
    return None


def _without_values(text: str) -> str:
    """Keeps the element and the rule of libxml2's text; leaves out namespaces and the value, maybe personal data."""
    element, separator, rule = re.sub(r"\{[^{}']*:[^{}']*\}", "", text).partition("': ")
    value = r"^(\[facet '\w+'\] )?(?:The value )?'.*'(?= (?:is|has|does|exceeds)\b)"
    return element + separator + re.sub(value, r"\1the value", rule, flags=re.DOTALL)
