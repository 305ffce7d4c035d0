"""Tables written in the same transaction as the events that fill them.

What decisions consult after it has left memory must be there the moment an event is committed, and gone when it is not:
a table that follows later would admit a duplicate. Such a table is a read model like any other, rebuilt, compared and
filled anew from events alone; only its rows, and its cursor, are written with the events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg

from ringfence_kernel.store.recorder import Within
from ringfence_kernel.values.recorded import Recorded

MOVE = """
INSERT INTO cursors AS held SELECT model.name, epoch, position, hash
FROM feed_head, unnest(%(names)s::text[]) model (name)
WHERE %(position)s = 0 OR EXISTS (SELECT FROM cursors WHERE cursors.name = model.name)
ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, position = excluded.position, hash = excluded.hash
WHERE held.position = %(position)s
"""


class InlineModel(Protocol):
    """A read model that is written with the events; `cursor` names how far it has come."""

    name: str
    tables: Sequence[str]

    def project(self, connection: psycopg.Connection[Any], recorded: Sequence[Recorded]) -> None:
        """Writes the rows of these events, inside their transaction."""


class InlineBehind(Exception):
    """Tables of these models lack events before these: a release that does not know them wrote; a start fills them."""


@dataclass(frozen=True, slots=True)
class InlineWrites:
    """What writes one group's rows of all models."""

    models: Sequence[InlineModel]
    recorded: Sequence[Recorded]
    position: int
    """Where the feed stood before the group."""

    def __call__(self, connection: psycopg.Connection[Any]) -> None:
        """Writes cursors and rows; raises InlineBehind.

        Cursors first, as projectors and refills do: whoever holds their locks can have the tables.
        """
        names = [f"projection:{model.name}" for model in self.models]
        moved = connection.execute(MOVE, {"names": names, "position": self.position})
        if moved.rowcount != len(names):
            raise InlineBehind(*names)
        for model in self.models:
            model.project(connection, self.recorded)


def inline_writes(models: Sequence[InlineModel], recorded: Sequence[Recorded]) -> list[Within]:
    """Returns what a group's events write in its transaction; nothing for no events or models."""
    return [InlineWrites(models, recorded, recorded[0].position - 1)] if models and recorded else []
