"""Where what leaves commit to is kept, as the log needs it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from ringfence_audit.log.domain.texts import Client, Link, Opening, Text


class TextRows(Protocol):
    """What leaves commit to, kept beside the log; every call runs inside the transaction of `connection`."""

    def save(
        self,
        connection: Any,
        *,
        texts: Sequence[Text],
        links: Sequence[Link],
        first_leaf: int,
        erased: Collection[Client],
    ) -> None:
        """Writes texts and links of a page, but no text that is about somebody erased."""

    def erase(self, connection: Any, *, parties: Sequence[Client]) -> None:
        """Takes away what is about parties."""


class Texts(Protocol):
    """The same, read; every call blocks."""

    def of_leaves(self, leaves: Sequence[int]) -> Mapping[int, list[Opening]]:
        """Gives what leaves commit to, by leaf, as far as that is kept."""


class Erased(Protocol):
    """Who was erased, as leaves say."""

    @property
    def erased(self) -> Mapping[Client, bool]:
        """Parties that were erased."""
