"""What an XML file may ask of its reader, seen in one pass over its bytes before anything is built of them."""

from __future__ import annotations

from dataclasses import dataclass
from xml.parsers import expat

from ringfence_payment_instruction.iso20022.refusal import FileRefused

_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one file: elements and attributes together, elements inside each other, and the length of a text,
    value, tag or comment.

    Files that mean something stay below: so many nodes are 60 for each of 8,190 payments, which mostly have 20. A tree
    of them takes some 200 MiB. Where the reader lets go of an element once it is read, `let_go` is its name, and of the
    nodes outside all of these, and inside each of them, there are at most `kept`.
    """

    nodes: int = 500_000
    depth: int = 64
    length: int = 64 * 1024
    kept: int = 500_000
    let_go: str = ""


LIMITS = Limits()


def require_bounded(content: bytes, limits: Limits = LIMITS) -> None:
    """Reads a file in any encoding, and keeps nothing of it but the names of its elements.

    Raises FileRefused for the first of: a DOCTYPE (XML 1.0 section 2.8), so that no entity is ever expanded
    (DOCTYPE_REFUSED), more than the limits (FILE_TOO_COMPLEX), and what is not well-formed (NOT_WELL_FORMED).
    """
    counted = _Counted(limits)
    parser = _parser(counted)
    try:
        for start in range(0, len(content), _CHUNK_BYTES):
            chunk = content[start : start + _CHUNK_BYTES]
            parser.Parse(chunk, False)
            counted.read(len(chunk))
        parser.Parse(b"", True)
    except _TooComplex as beyond:
        raise FileRefused("FILE_TOO_COMPLEX", f"line {parser.CurrentLineNumber}: {beyond}") from None
    except (expat.ExpatError, LookupError, ValueError):
        raise FileRefused("NOT_WELL_FORMED", f"line {parser.CurrentLineNumber}: the XML is not well-formed") from None


def _parser(counted: _Counted) -> expat.XMLParserType:
    parser = expat.ParserCreate(intern=None)  # names are not kept
    # A text is told in one call, however many lines it has.
    parser.buffer_text, parser.buffer_size = True, counted.limits.length
    parser.ordered_attributes = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = counted.start
    parser.EndElementHandler = counted.end
    parser.CharacterDataHandler = counted.characters
    parser.CommentHandler = parser.ProcessingInstructionHandler = counted.aside
    return parser


def _refuse_doctype(*said: object) -> None:
    raise FileRefused("DOCTYPE_REFUSED", "a DOCTYPE is not accepted")


class _TooComplex(Exception):
    """Says which limit a file goes beyond."""


class _Counted:
    """What expat has told of so far."""

    __slots__ = ("_depth", "_inside", "_is_told", "_let_go_depth", "_nodes", "_outside", "_text", "_untold", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._nodes = self._depth = self._text = self._untold = 0
        self._outside = self._inside = self._let_go_depth = 0
        self._is_told = False

    def start(self, name: str, attributes: list[str]) -> None:
        """Counts an element; its attributes are names and values in turn."""
        limits = self.limits
        nodes = 1 + len(attributes) // 2
        self._is_told, self._text = True, 0
        self._depth += 1
        self._nodes += nodes
        if self._nodes > limits.nodes:
            raise _TooComplex(f"more than {limits.nodes:,} elements and attributes")
        if self._depth > limits.depth:
            raise _TooComplex(f"elements inside each other, more than {limits.depth:,} deep")
        if self._let_go_depth:
            self._inside += nodes
        elif limits.let_go and name.endswith(limits.let_go) and name.rpartition(":")[2] == limits.let_go:
            self._let_go_depth, self._inside = self._depth, nodes
        else:
            self._outside += nodes
        if limits.let_go and (self._inside > limits.kept or self._outside > limits.kept):
            raise _TooComplex(f"more than {limits.kept:,} elements and attributes beside or in one entry")
        if len(name) > limits.length or (attributes and max(map(len, attributes)) > limits.length):
            raise _TooComplex(f"a text of more than {limits.length:,} characters")

    def end(self, name: str) -> None:
        """Leaves an element."""
        self._is_told, self._text = True, 0
        if self._depth == self._let_go_depth:
            self._let_go_depth = 0
        self._depth -= 1

    def characters(self, text: str) -> None:
        """Counts a text, or a part of one."""
        self._is_told = True
        self._text += len(text)
        if self._text > self.limits.length:
            raise _TooComplex(f"a text of more than {self.limits.length:,} characters")

    def aside(self, *said: str) -> None:
        """Notes a comment or instruction, which does not end a text."""
        self._is_told = True

    def read(self, size: int) -> None:
        """Notes bytes that were read: until the end of a tag expat tells nothing, and reads it anew each time."""
        self._untold = 0 if self._is_told else self._untold + size
        self._is_told = False
        if self._untold > self.limits.length:
            raise _TooComplex(f"a tag or comment of more than {self.limits.length:,} bytes")
