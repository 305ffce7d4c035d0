"""Opening an XML file from outside: bounded, without DOCTYPE, entities or network, and finding the message in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from lxml import etree

from ringfence_payment_instruction.iso20022.limits import require_bounded
from ringfence_payment_instruction.iso20022.refusal import NOT_PROVIDED, FileRefused

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_ID_LENGTH = 35
XML_SPACES = " \t\r\n"
"""What XML counts as white space (XML 1.0, section 2.3); Python knows more."""
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
_HEADER = NAMESPACE + "head."
_OUTERMOST_DOCUMENTS = etree.XPath(
    f"//*[local-name()='Document' and starts-with(namespace-uri(), '{NAMESPACE}')"
    f" and not(starts-with(namespace-uri(), '{_HEADER}')) and not(ancestor::*[local-name()='Document'])]"
)
_FIRST_BODY = etree.XPath(
    f"(//*[starts-with(namespace-uri(), '{NAMESPACE}') and not(starts-with(namespace-uri(), '{_HEADER}'))])[1]"
)


@dataclass(frozen=True, slots=True)
class Message:
    """One ISO 20022 message: its name (`pain.001.001.09`), its `Document` element, and the digest of the whole file."""

    name: str
    document: etree._Element
    sha256: bytes

    @property
    def namespace(self) -> str:
        """The namespace of the message's elements."""
        return NAMESPACE + self.name

    @property
    def message_id(self) -> str:
        """GrpHdr/MsgId as far as it is legible, else NOTPROVIDED; needs no valid message."""
        found = self.document.findtext(f"*/{{{self.namespace}}}GrpHdr/{{{self.namespace}}}MsgId")
        return found if found and len(found) <= MAX_ID_LENGTH else NOT_PROVIDED

    @contextmanager
    def identified(self) -> Iterator[None]:
        """Adds what identifies this message to a refusal raised inside."""
        try:
            yield
        except FileRefused as refusal:
            refusal.message_id, refusal.sha256 = self.message_id, self.sha256
            refusal.message_name = self.name if len(self.name) <= MAX_ID_LENGTH else NOT_PROVIDED
            raise


def open_message(
    content: bytes, supported: Set[str], max_bytes: int = MAX_FILE_BYTES, *, is_bounded: bool = False
) -> Message:
    """Returns the one message of a file, bare or inside any envelope (with or without a head.001 header).

    Raises FileRefused: too large, a DOCTYPE, too complex, not well-formed, no message or several, or a message not in
    `supported`.
    """
    sha256 = hashlib.sha256(content).digest()
    try:
        message = _find(_parse(content, max_bytes, is_bounded=is_bounded), sha256)
    except FileRefused as refusal:
        refusal.sha256 = sha256
        raise
    with message.identified():
        if message.name not in supported:
            raise FileRefused("MESSAGE_NOT_SUPPORTED", f"{message.name[:MAX_ID_LENGTH]} is not supported here")
    return message


def _parse(content: bytes, max_bytes: int, *, is_bounded: bool) -> etree._Element:
    if len(content) > max_bytes:
        raise FileRefused("FILE_TOO_LARGE", f"the file has {len(content)} bytes, at most {max_bytes} are taken")
    if not is_bounded:
        require_bounded(content)
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise FileRefused("NOT_WELL_FORMED", f"line {error.lineno}: the XML is not well-formed") from None
    except ValueError:
        raise FileRefused("NOT_WELL_FORMED", "the file cannot be read as XML") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise FileRefused("DOCTYPE_REFUSED", "a DOCTYPE is not accepted")
    return root


def _find(root: etree._Element, sha256: bytes) -> Message:
    name = _name_of(root)
    if name and etree.QName(root).localname == "Document":
        return Message(name, root, sha256)
    documents = cast(list[etree._Element], _OUTERMOST_DOCUMENTS(root))
    if len(documents) == 1:
        return Message(_name_of(documents[0]), documents[0], sha256)
    bodies = cast(list[etree._Element], _FIRST_BODY(root))
    name = _name_of(bodies[0]) if bodies else _foreign_name_of(root)
    raise FileRefused(
        "NO_MESSAGE",
        f"{len(documents)} ISO 20022 Document elements instead of one (first name seen: {name[:MAX_ID_LENGTH]})",
        message_name=name if 0 < len(name) <= MAX_ID_LENGTH else NOT_PROVIDED,
    )


def _name_of(element: etree._Element) -> str:
    """Returns the message name in the element's namespace, empty where there is none or it is a business header."""
    namespace = etree.QName(element).namespace or ""
    is_message = namespace.startswith(NAMESPACE) and not namespace.startswith(_HEADER)
    return namespace[len(NAMESPACE) :] if is_message else ""


def _foreign_name_of(root: etree._Element) -> str:
    """Returns the last part of the root's namespace, where national variants of a message have their name."""
    return re.split("[/:]", etree.QName(root).namespace or "")[-1]
