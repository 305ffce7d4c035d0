"""The container of a dossier: a ZIP file (APPNOTE 6.3.10) in one encoding: the same files are the same bytes.

Every entry is stored as it is, under an ASCII name, with no extra field and the first time that a ZIP can have; the
directory follows the last entry and ends the file. What a ZIP may have besides is refused: nothing can hide in it.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Collection, Iterable, Iterator

from ringfence_verifier.dossier.refused import DossierRefused

Entry = tuple[str, bytes]
MAX_DOSSIER_BYTES = 256 * 1024 * 1024
MAX_ENTRIES = 50_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_LOCAL, _CENTRAL, _END = (
    struct.Struct("<4s5H3L2H"),
    struct.Struct("<4s6H3L5H2L"),
    struct.Struct("<4s4H2LH"),
)
_OVERHEAD, _LISTED, _LAST_FILES, _ROOM = _LOCAL.size + _CENTRAL.size, 256, 3, 1 << 20
"""What a file takes beside itself in the container and the manifest; how many files, and how much, come last."""
_LOCAL_SIGN, _CENTRAL_SIGN, _END_SIGN = b"PK\3\4", b"PK\1\2", b"PK\5\6"
_VERSION, _STORED, _TIME, _DATE = 10, 0, 0, 33  # 1980-01-01 00:00


def pack(entries: Iterable[Entry]) -> bytes:
    """Writes files in the order given; raises ValueError for a name or a number of files that no dossier has."""
    written, central, names = list[bytes](), list[bytes](), set[str]()
    at = 0
    for name, content in entries:
        if not _NAME.fullmatch(name) or name in names:
            raise ValueError(f"a dossier has no file of the name {name}, or not twice")
        names.add(name)
        local, listed = _headers(name, content, at)
        written += [local, content]
        central.append(listed)
        at += len(local) + len(content)
    directory = b"".join(central)
    end = _END.pack(_END_SIGN, 0, 0, len(central), len(central), len(directory), at, 0)
    if len(central) > MAX_ENTRIES or at + len(directory) + len(end) > MAX_DOSSIER_BYTES:
        raise ValueError("a dossier may not be so large")
    return b"".join((*written, directory, end))


def fits(entries: Collection[Entry]) -> bool:
    """Tells whether files are few and small enough for a dossier, with its manifest and binding beside."""
    length = sum(_OVERHEAD + 2 * len(name) + len(content) for name, content in entries)
    return len(entries) + _LAST_FILES <= MAX_ENTRIES and length + len(entries) * _LISTED + _ROOM <= MAX_DOSSIER_BYTES


def unpack(content: bytes) -> list[Entry]:
    """Reads the files in their order; raises DossierRefused where the container is not one that `pack` writes.

    Contents are not compared with anything: a changed one is read as it is, unless its checksum is asked for.
    """
    if len(content) > MAX_DOSSIER_BYTES:
        raise DossierRefused("TOO_LONG", "it is longer than any dossier may be")
    if content[:4] != _LOCAL_SIGN:
        raise DossierRefused("NO_DOSSIER", "it is no dossier of this format")
    return list(_entries(content))


def require_canonical(content: bytes, entries: list[Entry]) -> None:
    """Demands that a container is the one that its files make; raises DossierRefused, which names where it is not."""
    at = 0
    for name, inner in entries:
        local, _ = _headers(name, inner, at)
        if content[at : at + len(local)] != local:
            raise DossierRefused("CONTAINER_DAMAGED", "the container says something else of it than it is", name)
        at += len(local) + len(inner)
    try:
        is_same = content == pack(entries)
    except ValueError as error:
        raise DossierRefused("CONTAINER_DAMAGED", str(error)) from error
    if not is_same:
        raise DossierRefused("CONTAINER_DAMAGED", "the container's directory is not that of its files")


def _entries(content: bytes) -> Iterator[Entry]:
    at, last, count = 0, "", 0
    while content[at : at + 4] == _LOCAL_SIGN:
        if count == MAX_ENTRIES:
            raise DossierRefused("TOO_LONG", "it has more files than any dossier may have")
        head = content[at : at + _LOCAL.size].ljust(_LOCAL.size, b"\xff")
        *_, size, _, name_length, extra = _LOCAL.unpack(head)
        start = at + _LOCAL.size + name_length + extra
        if start > len(content):
            raise DossierRefused("CUT_SHORT", "it is cut short after this file", last)
        raw = content[at + _LOCAL.size : start - extra]
        if not _NAME.fullmatch(name := raw.decode("latin-1")):
            raise DossierRefused("CONTAINER_DAMAGED", "a name behind this file is none that a dossier has", last)
        if start + size > len(content):
            raise DossierRefused("CUT_SHORT", "it is cut short", name)
        yield name, content[start : start + size]
        at, last, count = start + size, name, count + 1
    if content[at : at + 4] != _CENTRAL_SIGN:
        reason = "CUT_SHORT" if at >= len(content) else "CONTAINER_DAMAGED"
        raise DossierRefused(reason, "what follows this file is neither a file nor the directory", last)


def _headers(name: str, content: bytes, at: int) -> tuple[bytes, bytes]:
    """Writes what stands before a file, and what the directory says of it."""
    raw, size, checksum = name.encode("ascii"), len(content), zlib.crc32(content)
    common = (_VERSION, 0, _STORED, _TIME, _DATE, checksum, size, size, len(raw), 0)
    local = _LOCAL.pack(_LOCAL_SIGN, *common) + raw
    return local, _CENTRAL.pack(_CENTRAL_SIGN, _VERSION, *common, 0, 0, 0, 0, at) + raw
