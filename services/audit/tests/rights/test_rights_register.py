"""What the register looks up to tell of whom a read was: all that it takes, and no more for one page than it may."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from ringfence_audit.index.application.ports import Located
from ringfence_audit.index.domain.keys import keys_of
from ringfence_audit.log.domain.leaf import decode, encode
from ringfence_audit.log.domain.sight import TENANT_NAMES, Sight
from ringfence_audit.reads.application.register import Asked, Register

OURS, OTHERS, THIRD = (bytes([number]) * 16 for number in (1, 2, 3))
READER, SHARED, CALLER = (bytes([number]) * 16 for number in (11, 12, 13))
BUNDLE = 256


class Log:
    """A log in memory, with its index; counts what is asked and read."""

    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self.asked: list[list[bytes]] = []
        self.read: list[int] = []

    def say(self, kind: str, /, **fields: Any) -> int:
        """Adds a leaf; gives its index."""
        self.leaves.append(encode(kind, {"time_ns": 1, **fields}))
        return len(self.leaves) - 1

    def moved(self, platform: bytes, subject: bytes, times: int = 1) -> None:
        """Has a platform's facts name an id."""
        for _ in range(times):
            self.say("custody.transfer.v1", tenant_id=platform, payment_id=subject)

    def looked(self, method: str = "Search", **query: Any) -> int:
        """Has the reader read."""
        return self.say("audit.read.v1", reader_id=READER, method=method, **query)

    def find(
        self, keys: Sequence[bytes], from_leaf: int, until_leaf: int, limit: int, covered: object = None
    ) -> Located:
        self.asked.append(list(keys))
        until = min(until_leaf, len(self.leaves))
        found = [at for at in range(from_leaf, until) if {*keys} & {*keys_of(self.leaves[at])}][:limit]
        return Located(found, found[-1] + 1 if len(found) == limit else until_leaf)

    def bundles_of(self, tenant: bytes, from_leaf: int, until_leaf: int, limit: int) -> list[int]:
        at = range(from_leaf - from_leaf % BUNDLE, min(until_leaf, len(self.leaves)))
        named = (each - each % BUNDLE for each in at if tenant in _platforms(self.leaves[each]))
        return list(dict.fromkeys(named))[:limit]

    def leaves_at(self, indexes: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        for index in indexes:
            self.read.append(index)
            yield index, self.leaves[index]

    def of_leaves(self, leaves: Sequence[int]) -> dict[int, list[Any]]:
        return {}

    def shown(self, *platforms: bytes, **limits: int) -> list[list[int]]:
        """Gives the reads that somebody is shown who reads some platforms, page by page."""
        log: Any = self
        register = Register(log, log, log, lambda: [READER], lambda platform: "DE", **limits)
        pages, before = [], len(self.leaves)
        while before:
            page = register.page(Asked(CALLER, Sight(frozenset(platforms)), None, None, before, 100))
            pages.append([each.read.index for each in page.reads])
            before = page.next_before
        return pages


def _platforms(leaf: bytes) -> set[Any]:
    fields = decode(leaf)[1]
    return {fields.get(name) for name in TENANT_NAMES}


@pytest.fixture
def log() -> Log:
    """Nothing yet."""
    return Log()


def test_a_read_of_an_id_that_others_share_is_shown_to_each_of_them(log: Log) -> None:
    """However many facts of others come before the platform's own; of theirs none is read for it."""
    log.moved(OURS, THIRD)
    log.moved(OTHERS, SHARED, 3_000)
    log.moved(OURS, SHARED)
    log.moved(OTHERS, SHARED, 600)
    seen = log.looked(query_subject_id=SHARED)
    foreign = {at for at, leaf in enumerate(log.leaves) if OTHERS in _platforms(leaf)}
    assert log.shown(OURS) == [[seen]]
    assert len(foreign & set(log.read)) < 2 * BUNDLE
    assert log.shown(OTHERS) == [[seen]]
    assert log.shown(THIRD) == [[]]


def test_an_id_is_looked_up_once_for_all_platforms(log: Log) -> None:
    """Who is shown several of them is told at the first hit."""
    log.moved(OTHERS, SHARED, 2)
    reads = [log.looked(query_subject_id=SHARED) for _ in range(5)]
    assert log.shown(OURS, OTHERS, THIRD) == [reads[::-1]]
    assert log.asked.count([SHARED]) == 1


def test_a_page_looks_up_a_fixed_number_of_ids_and_places(log: Log) -> None:
    """It ends there, whosever they are; the next pages have the rest, once."""
    ids = [bytes([100 + number]) * 16 for number in range(20)]
    for number, each in enumerate(ids):
        log.moved(OTHERS if number % 2 else OURS, each)
    reads = [log.looked(query_subject_id=each) for each in ids] + [log.looked("GetReceipt", query_leaf_index=4)]
    pages = log.shown(OURS, most_looked_up=7)
    assert [each for page in pages for each in page] == [each for number, each in enumerate(reads) if number % 2 == 0][
        ::-1
    ]
    assert [len(page) for page in pages] == [4, 3, 4]
    assert [len(page) for page in log.shown(OTHERS, most_looked_up=7)] == [3, 4, 3]
    assert [len(page) for page in log.shown(THIRD, most_looked_up=7)] == [0, 0, 0]


def test_a_platform_is_shown_who_looked_at_its_pages(log: Log) -> None:
    """At an id that it has facts about, a fact of its own, or everybody's; a page that shows no fact is nobody's."""
    log.moved(OURS, SHARED)
    about = log.looked("View", page="about", query_subject_id=SHARED)
    fact = log.looked("View", page="fact", query_leaf_index=0)
    log.looked("View", page="trace")
    first = log.looked("View", page="overview")
    day = log.looked("View", page="find", query_from_ns=1, query_until_ns=2)
    found = log.looked("View", page="find")
    log.looked("View", page="trace", query_text="somebody")
    everybodys = [found, day, first]
    assert log.shown(OURS) == [[*everybodys, fact, about]]
    assert log.shown(OTHERS) == [everybodys]


def test_a_platform_is_shown_dossiers_and_whoever_was_looked_for(log: Log) -> None:
    """A look-up in all platforms is one in its own; a dossier about its client, or about all of a time, too."""
    log.moved(OURS, SHARED)
    log.moved(OTHERS, THIRD)
    reason = {"query_reason_commitment": bytes(32), "query_sought_commitment": bytes(32)}
    everywhere = log.looked("LookUp", query_by="name", **reason)
    log.looked("LookUp", query_by="name", query_tenant_id=OTHERS, **reason)
    about = log.looked("BindDossier", query_manifest_sha256=bytes(32), query_subject_id=SHARED)
    log.looked("BindDossier", query_manifest_sha256=bytes(32), query_subject_id=THIRD)
    period = log.looked("BindDossier", query_manifest_sha256=bytes(32))
    opened = log.looked("Disclose", query_leaf_index=0, query_fields="debtor", query_tenant_id=OURS, **reason)
    assert log.shown(OURS) == [[opened, period, about, everywhere]]
