"""The row of sanctions lists: the publishers' whole files brought into force, one edition after the other."""

from __future__ import annotations

import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from ringfence.payments import ListFormat
from ringfence.sanctions import ListPart

from bench.load import Seen
from bench.rows import Results, row
from bench.stack import MeasuredStack

NAME = "sanctions_lists"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "sanctions"


class Published(NamedTuple):
    """An edition's files, below the folder of lists."""

    list_format: ListFormat
    primary: str
    parts: Mapping[ListPart, str]


LISTS = {
    "OFAC SDN 2019": Published(
        ListFormat.OFAC_SDN,
        "ofac-2019/sdn.csv",
        {ListPart.ALIASES: "ofac-2019/alt.csv", ListPart.ADDRESSES: "ofac-2019/add.csv"},
    ),
    "OFAC consolidated": Published(
        ListFormat.OFAC_SDN,
        "ofac-cons/cons_prim.csv",
        {
            ListPart.ALIASES: "ofac-cons/cons_alt.csv",
            ListPart.ADDRESSES: "ofac-cons/cons_add.csv",
            ListPart.REMARKS: "ofac-cons/cons_comments.csv",
        },
    ),
    "UN": Published(ListFormat.UN_XML, "un/UN_consolidated.xml", {}),
    "BIS denied persons": Published(ListFormat.BIS_DENIED_PERSONS, "bis/dpl.txt", {}),
}


def sanctions_lists(measured: MeasuredStack, results: Results) -> None:
    """Measures all of them together, until each is in force; `rows` are entries.

    Where the files are not there, nothing is measured.
    """
    if not DATA.is_dir():
        results.progress("sanctions_lists: ../shared/data/sanctions is not here")
        return
    first, second = measured.sandbox.operators
    payments, seen, names, aliases = first.payments, Seen(), 0, 0
    files = {
        name: (each.list_format, read(each.primary), {part: read(file) for part, file in each.parts.items()})
        for name, each in LISTS.items()
    }
    with measured.cpu.during(seen.cpu):
        for name, (list_format, content, parts) in files.items():
            began = time.perf_counter()
            imported = payments.import_sanctions_list(
                name, list_format, content, time.time_ns(), parts, **stated(content, parts)
            )
            if imported.proposal_id is not None:  # the first edition of a list whose file has no end
                (confirmed,) = second.proposals["payment-instruction"].confirm([imported.proposal_id])
                assert confirmed.done, confirmed
            seconds = time.perf_counter() - began
            seen.seconds += seconds
            seen.latencies_ms.append(1_000 * seconds)
            seen.rows += imported.entries
            names, aliases = names + imported.names, aliases + imported.aliases
    results.add(row(NAME, 1, 1, seen, None, names=names, aliases=aliases))


def stated(content: bytes, parts: Mapping[ListPart, bytes]) -> dict[str, Any]:
    """Returns the SHA-256 of the files, as their publishers state it."""
    of_parts = {part: sha256(each).digest() for part, each in parts.items()}
    return {"sha256": sha256(content).digest(), "part_sha256": of_parts}


def read(file: str) -> bytes:
    """Returns a file of a publisher's."""
    return (DATA / file).read_bytes()
