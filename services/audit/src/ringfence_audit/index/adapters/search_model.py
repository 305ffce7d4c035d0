"""The search index, which follows the log on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ringfence_kernel.values.recorded import Recorded

from ringfence_audit.index.domain.keys import key_rows
from ringfence_audit.log.domain.events import Growth, leaves_of


class SearchModel:
    """Which leaves are about which id: a party, account, instruction, transfer, submission, principal or tenant."""

    name = "search"
    tables: Sequence[str] = ("leaf_keys",)

    def project(self, connection: Any, recorded: Sequence[Recorded]) -> None:
        """Writes the rows of these events."""
        with connection.cursor().copy("COPY leaf_keys FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["bytea", "int8", "int4", "int8"])
            for each in recorded:
                if isinstance(each.event, Growth):
                    for row in key_rows(each.event.first_leaf, leaves_of(each.event)):
                        copy.write_row(row)
