"""XML schemas of the messages customers send, out of the installed package that ships them, compiled once."""

from __future__ import annotations

import re
import threading
from functools import cache
from importlib import resources

from lxml import etree

from ringfence_payment_instruction.iso20022.document import Message
from ringfence_payment_instruction.iso20022.refusal import FileRefused

CREDIT_TRANSFER_SCHEMAS = frozenset({"pain.001.001.03", "pain.001.001.09"})
_MAX_TEXT = 200
# libxml2 shares one error log per schema, so a schema serves one thread at a time.
_validating = threading.Lock()


@cache
def schema(message_name: str) -> etree.XMLSchema:
    """Returns the compiled schema of one of CREDIT_TRANSFER_SCHEMAS (shipped by the package sepaxml)."""
    with (resources.files("sepaxml") / "schemas" / f"{message_name}.xsd").open("rb") as file:
        return etree.XMLSchema(etree.parse(file))


def require_valid(message: Message) -> None:
    """Raises FileRefused with the line of the first error unless the message is valid by its XSD."""
    with _validating:
        compiled = schema(message.name)
        if compiled.validate(message.document):
            return
        error = compiled.error_log[0]  # type: ignore[index]  # a list of entries, which the stubs leave out
    raise FileRefused("SCHEMA_INVALID", f"line {error.line}: {_without_values(error.message)}"[:_MAX_TEXT])


def _without_values(text: str) -> str:
    """Keeps the element and the rule of libxml2's text; leaves out namespaces and the value, maybe personal data."""
    element, separator, rule = re.sub(r"\{[^{}']*:[^{}']*\}", "", text).partition("': ")
    value = r"^(\[facet '\w+'\] )?(?:The value )?'.*'(?= (?:is|has|does|exceeds)\b)"
    return element + separator + re.sub(value, r"\1the value", rule, flags=re.DOTALL)
