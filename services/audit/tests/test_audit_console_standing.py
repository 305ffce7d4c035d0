"""How the log stands, as audit's own console tells it: what was not stated is not told, and keys are told from when."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from ringfence_audit.console.adapters.log_facts import LoggedFacts
from ringfence_audit.console.adapters.log_reading import Tables
from ringfence_audit.console.application.viewing import LOOKING, Looking
from ringfence_audit.log.domain.keys import Rotation, key_id, key_leaf
from ringfence_audit.log.domain.sight import Sight
from ringfence_audit.log.domain.state import LogPosition, SignedHead
from ringfence_console.ports import View

OLD, NEW = "ringfence.test+00000001+AQ==", "ringfence.test+00000002+AQ=="


@pytest.fixture(autouse=True)
def looking() -> Iterator[None]:
    """Somebody who is shown everything."""
    token = LOOKING.set(Looking(cast(Any, None), Sight()))
    yield
    LOOKING.reset(token)


@pytest.mark.parametrize(("end", "told"), [(b"", [(OLD, 0), (NEW, 41)]), (b"ended", [(NEW, 41)])])
def test_a_key_is_told_from_the_size_that_it_signs_first(end: bytes, told: list[tuple[str, int]]) -> None:
    """That is the first with the leaf that announces it; a log's first key has signed all."""
    rotation = Rotation(40, key_leaf(40, NEW, OLD, 0, 0), end_leaf=end)
    stood = LogPosition(50, SignedHead(50, b"r" * 32, "", (), b""), {}, (rotation,))
    tables = cast(Tables, SimpleNamespace(viewing=SimpleNamespace(stood=lambda: stood)))
    facts = LoggedFacts("ringfence.test", tables, lambda: {key_id(each): each for each in (OLD, NEW)})
    standing = facts.standing(View("log"))
    assert [(each.vkey, each.first) for each in standing.keys] == told
    assert (standing.index_size, standing.books_size, standing.seal.time_ns) == (None, None, None)
