"""A fact of the log as pages and commands have it, whoever has read it and proven it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

Value = int | bytes | str


@dataclass(frozen=True)
class Fact:
    """A leaf of the log, decoded: its index, what kind of fact it is, and its named values (docs/formats.md).

    `texts` are free texts that it commits to, as far as they are kept and were opened, by field without `_commitment`.
    """

    index: int
    kind: str
    fields: Mapping[str, Value]
    texts: Mapping[str, str] = field(default_factory=dict)

    def integer(self, name: str) -> int | None:
        """Gives an integer field, None where it is absent or of another type."""
        value = self.fields.get(name)
        return value if isinstance(value, int) else None

    def text(self, name: str) -> str:
        """Gives a text field, or the text of its commitment; empty where there is none."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else self.texts.get(name, "")

    def content(self, name: str) -> bytes:
        """Gives a bytes field, empty where it is absent or of another type."""
        value = self.fields.get(name)
        return value if isinstance(value, bytes) else b""

    def id(self, name: str) -> UUID | None:
        """Gives an id of 16 bytes, None where it is absent, of another form, or all zeros."""
        value = self.content(name)
        return UUID(bytes=value) if len(value) == 16 and any(value) else None

    @property
    def time_ns(self) -> int | None:
        """When it happened by its source, UTC nanoseconds; None where it has no time of its own."""
        return self.integer("time_ns")
