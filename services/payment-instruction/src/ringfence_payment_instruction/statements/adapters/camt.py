"""Reading camt.052, 053 and 054 (BankToCustomer…) of any version from .02 on, by the names of their elements.

A file is read as a stream: its elements are counted first (`Limits`), then it is built entry by entry, and every entry
is let go of once it is read. So a file of 100,000 entries takes no more memory than one of a thousand.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO

from lxml import etree

from ringfence_payment_instruction.iso20022.document import MAX_ID_LENGTH, NAMESPACE
from ringfence_payment_instruction.iso20022.elements import Node
from ringfence_payment_instruction.iso20022.limits import Limits, require_bounded
from ringfence_payment_instruction.iso20022.refusal import NOT_PROVIDED, FileRefused
from ringfence_payment_instruction.statements.adapters import camt_entries, camt_headings
from ringfence_payment_instruction.statements.domain.statement import (
    MAX_ENTRIES,
    Entry,
    Heading,
    Kind,
    Statement,
    StatementFile,
)

MAX_FILE_BYTES = 256 * 1024 * 1024
LIMITS = Limits(nodes=10_000_000, kept=500_000, let_go="Ntry")
"""So many nodes are 100 for each of 100,000 entries; what stands around the entries is kept, and each of them alone."""
ENTRIES_PER_PORTION = 1_000
FORMATS = re.compile(r"camt\.05([234])\.001\.(0[2-9]|1[0-4])")
ALL_KINDS = frozenset(Kind)
_KINDS = {"3": Kind.STATEMENT, "2": Kind.REPORT, "4": Kind.NOTIFICATION}
BODIES = {
    Kind.STATEMENT: ("BkToCstmrStmt", "Stmt"),
    Kind.REPORT: ("BkToCstmrAcctRpt", "Rpt"),
    Kind.NOTIFICATION: ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}
_TAGS = ["{*}Document", "{*}GrpHdr", "{*}Ntry", *(f"{{*}}{each}" for _, each in BODIES.values())]


@dataclass(frozen=True, slots=True)
class Portion:
    """Some consecutive entries of one telling of a file, at most ENTRIES_PER_PORTION; `ends` its last."""

    heading: Heading
    entries: tuple[Entry, ...]
    ends: bool


def is_camt(message_name: str) -> bool:
    """Tells whether a message of that name (`camt.053.001.08`) is read here."""
    return FORMATS.fullmatch(message_name) is not None


def read_camt(content: bytes, max_bytes: int = MAX_FILE_BYTES, kinds: Set[Kind] = ALL_KINDS) -> StatementFile:
    """Returns everything in a file of one of these kinds; raises FileRefused, and nothing else."""
    statements: list[Statement] = []
    entries: list[Entry] = []
    for portion in read_portions(content, max_bytes, kinds):
        entries += portion.entries
        if portion.ends:
            statements.append(Statement(portion.heading, tuple(entries)))
            entries = []
    return StatementFile(hashlib.sha256(content).digest(), tuple(statements))


def read_portions(content: bytes, max_bytes: int = MAX_FILE_BYTES, kinds: Set[Kind] = ALL_KINDS) -> Iterator[Portion]:
    """Yields a file portion by portion; raises FileRefused, maybe after the first, and nothing else.

    Nothing of a file is to take effect before its end has been reached.
    """
    reader = _Reader(hashlib.sha256(content).digest(), kinds)
    with reader.identified():
        if len(content) > max_bytes:
            raise FileRefused("FILE_TOO_LARGE", f"the file has {len(content)} bytes, at most {max_bytes} are taken")
        require_bounded(content, LIMITS)
        yield from reader.read(content)


@dataclass(slots=True)
class _Reader:
    """What has been seen of a file so far."""

    sha256: bytes
    kinds: Set[Kind]
    name: str = NOT_PROVIDED
    message_id: str = NOT_PROVIDED
    _document: etree._Element | None = None
    _telling: etree._Element | None = None
    _has_told: bool = False
    _heading: Heading | None = None
    _entries: list[Entry] = field(default_factory=list)
    _count: int = 0

    @contextmanager
    def identified(self) -> Iterator[None]:
        """Adds what identifies the file to a refusal raised inside."""
        try:
            yield
        except FileRefused as refusal:
            refusal.sha256, refusal.message_id, refusal.message_name = self.sha256, self.message_id, self.name
            raise

    def read(self, content: bytes) -> Iterator[Portion]:
        """Yields the portions of all tellings."""
        events = etree.iterparse(
            BytesIO(content),
            events=("start", "end"),
            tag=_TAGS,
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        try:
            for event, element in events:
                if event == "start":
                    self._begun(element)
                else:
                    yield from self._ended(element)
        except etree.XMLSyntaxError as error:
            raise FileRefused("NOT_WELL_FORMED", f"line {error.lineno}: the XML is not well-formed") from None
        except ValueError:
            raise FileRefused("NOT_WELL_FORMED", "the file cannot be read as XML") from None
        if self._document is None:
            raise FileRefused("NO_MESSAGE", "no ISO 20022 Document element")

    def _begun(self, element: etree._Element) -> None:
        namespace, name = _name_of(element)
        if name == "Document" and namespace.startswith(NAMESPACE):
            self._open(element, namespace.removeprefix(NAMESPACE))
        elif name != "Ntry" and self._is_telling(element):
            self._telling, self._heading = element, None

    def _open(self, document: etree._Element, name: str) -> None:
        if name.startswith("head."):
            return
        if self._document is not None:
            raise FileRefused("NO_MESSAGE", "several ISO 20022 Document elements instead of one")
        self.name = name if 0 < len(name) <= MAX_ID_LENGTH else NOT_PROVIDED
        if not is_camt(name) or self._kind not in self.kinds:
            raise FileRefused("MESSAGE_NOT_SUPPORTED", f"{name[:MAX_ID_LENGTH]} is not supported here")
        self._document = document

    def _ended(self, element: etree._Element) -> Iterator[Portion]:
        document = self._document
        _, name = _name_of(element)
        if name == "Ntry":
            if self._telling is not None and element.getparent() is self._telling:
                yield from self._entered(Node(element, self._namespace))
            _let_go(element)
        elif name == "GrpHdr" and self._body_of(element) is not None:
            self.message_id = Node(element, self._namespace).text("MsgId") or NOT_PROVIDED
        elif element is self._telling:
            yield Portion(self._whole_head(), tuple(self._entries), ends=True)
            self._telling, self._heading, self._entries, self._has_told = None, None, [], True
            _let_go(element)
        elif element is document:
            self._require_body(Node(element, self._namespace))

    def _entered(self, entry: Node) -> Iterator[Portion]:
        if len(self._entries) == ENTRIES_PER_PORTION:
            yield Portion(self._head(), tuple(self._entries), ends=False)
            self._entries = []
        self._count += 1
        if self._count > MAX_ENTRIES:
            raise FileRefused("FILE_TOO_COMPLEX", f"more than {MAX_ENTRIES} entries")
        self._entries.append(camt_entries.entry(entry))

    def _head(self) -> Heading:
        """Returns what stands before the entries, read once."""
        if self._heading is None:
            self._heading = self._read_head()
        return self._heading

    def _whole_head(self) -> Heading:
        """Returns the heading at the end; the schemas allow nothing of it behind the entries."""
        whole = self._read_head()
        if self._heading not in (None, whole):
            assert self._telling is not None
            raise Node(self._telling, self._namespace).invalid("a part of the heading stands behind the entries")
        return whole

    def _read_head(self) -> Heading:
        assert self._telling is not None
        body = self._telling.getparent()
        assert body is not None
        group_header = Node(body, self._namespace).maybe("GrpHdr")
        return camt_headings.heading(Node(self._telling, self._namespace), group_header, self._kind, self.name)

    @property
    def _kind(self) -> Kind:
        return _KINDS[self.name[len("camt.05")]]

    @property
    def _namespace(self) -> str:
        return NAMESPACE + self.name

    def _body_of(self, element: etree._Element) -> etree._Element | None:
        """Returns the message's body where an element stands in it at the first level, and both are of the message."""
        body = element.getparent()
        if body is None or body.getparent() is not self._document or self._document is None:
            return None
        namespace = self._namespace
        is_body = body.tag == f"{{{namespace}}}{BODIES[self._kind][0]}"
        return body if is_body and _name_of(element)[0] == namespace else None

    def _is_telling(self, element: etree._Element) -> bool:
        if self._body_of(element) is None:
            return False
        return _name_of(element)[1] == BODIES[self._kind][1]

    def _require_body(self, document: Node) -> None:
        if len(document.element) != 1:
            raise document.invalid("one message body is expected")
        body = document.only(BODIES[self._kind][0])
        body.only("GrpHdr").required_text("MsgId")
        if not self._has_told:
            raise body.invalid(f"no {BODIES[self._kind][1]}")


def _name_of(element: etree._Element) -> tuple[str, str]:
    """Returns the namespace, empty for none, and the name of an element."""
    namespace, _, name = element.tag.rpartition("}")
    return namespace[1:], name


def _let_go(element: etree._Element) -> None:
    """Empties an element that has been read, and removes the like that stand before it."""
    element.clear()
    parent = element.getparent()
    while parent is not None and (before := element.getprevious()) is not None and before.tag == element.tag:
        parent.remove(before)
