"""What a read says of itself, and which platforms it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ringfence_audit.log.domain.leaf import Value, decode

QUERY = "query_"
OF_NO_PLATFORM = frozenset(
    {
        *("from_ns", "until_ns", "from_index", "from_leaf", "until_leaf", "limit", "recompute", "reader_id", "kind"),
        # How somebody is looked for by name, what of a fact is disclosed, and a dossier's hash: each salted, or a hash.
        *("by", "sought_commitment", "reason_commitment", "fields", "manifest_sha256"),
    }
)
"""Names of what is asked for that tell nothing of a platform. What tells more is shown to whose it is alone."""

VIEW = "View"
"""Somebody has looked at a page."""
OF_EVERYBODY = frozenset({"overview", "find"})
"""Pages that show facts of all whom the reader is shown, though they are about no id."""

HasFact = Callable[[bytes, frozenset[bytes]], bool]
IsOf = Callable[[int, frozenset[bytes]], bool]


@dataclass(frozen=True, slots=True)
class Read:
    """A read, by its leaf: who (16 bytes), when (UTC nanoseconds), what was asked for, by which grant."""

    index: int
    time_ns: int
    reader: bytes
    method: str
    page: str
    query: Mapping[str, Value]
    grant: bytes
    platforms: tuple[bytes, ...]
    jurisdictions: tuple[str, ...]

    def may_show(self, platform: bytes, jurisdiction: str) -> bool:
        """Tells whether the grant that it was by lets facts of a platform be read."""
        is_named = not self.platforms or platform in self.platforms
        return is_named and (not self.jurisdictions or jurisdiction in self.jurisdictions)

    def asks_of(self, platforms: frozenset[bytes], has_fact: HasFact, is_of: IsOf) -> bool:
        """Tells whether what was asked for is one of some platforms', or everybody's.

        `has_fact` tells whether one of them has a fact about an id, `is_of` whether the leaf at an index is theirs.
        """
        asked = {name: value for name, value in self.query.items() if name not in OF_NO_PLATFORM}
        if (tenant := asked.pop("tenant_id", None)) is not None:
            return tenant in platforms
        subject, leaf = asked.pop("subject_id", None), asked.pop("leaf_index", None)
        if asked:
            return False
        if isinstance(subject, bytes):
            return subject in platforms or has_fact(subject, platforms)
        if isinstance(leaf, int):
            return is_of(leaf, platforms)
        # Another page about nothing in particular shows no fact, and is nobody's.
        return self.method != VIEW or self.page in OF_EVERYBODY


def read_of(index: int, leaf: bytes) -> Read:
    """Reads the leaf of a read; raises ValueError."""
    fields = decode(leaf)[1]

    def text(name: str) -> str:
        return str(fields.get(name, ""))

    reader, grant, time_ns = fields.get("reader_id", b""), fields.get("grant_id", b""), fields.get("time_ns", 0)
    if not (isinstance(reader, bytes) and isinstance(grant, bytes) and isinstance(time_ns, int)):
        raise ValueError("the leaf is no read")
    query = {name.removeprefix(QUERY): value for name, value in fields.items() if name.startswith(QUERY)}
    platforms = tuple(map(bytes.fromhex, text("grant_platforms").split()))
    codes = tuple(text("grant_jurisdictions").split())
    return Read(index, time_ns, reader, text("method"), text("page"), query, grant, platforms, codes)
