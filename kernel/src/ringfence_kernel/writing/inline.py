"""Tables written in the same statement as the events that fill them.

What decisions consult after it has left memory must be there the moment an event is committed, and gone when it is not:
a table that follows later would admit a duplicate. Such a table is a read model like any other, rebuilt, compared and
filled anew from events alone; only its rows, and its cursor, are written with the events. Where a cursor stands before
them, as after a release that did not know the table, nothing is written, and a start fills it first.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import psycopg

from ringfence_kernel.store.recorder import Insertion, Rows
from ringfence_kernel.values.recorded import Recorded


class InlineModel(ABC):
    """A read model that is written with the events: a row once inserted is never read by the statement that does."""

    name: str
    tables: Sequence[str]

    @abstractmethod
    def insertions(self, recorded: Sequence[Recorded]) -> list[Insertion]:
        """Returns what writes the rows of these events, none where they have none."""

    def project(self, connection: psycopg.Connection[Any], recorded: Sequence[Recorded]) -> None:
        """Writes the rows of events that are there already: of a rebuild, or of a table that is new."""
        for each in self.insertions(recorded):
            connection.execute(each.statement.encode(), each.parameters)


def rows_of(models: Sequence[InlineModel], recorded: Sequence[Recorded]) -> Rows | None:
    """Returns what is written with a group's events; None for no events or models."""
    if not (models and recorded):
        return None
    insertions = [insertion for model in models for insertion in model.insertions(recorded)]
    return Rows([f"projection:{model.name}" for model in models], insertions)
