"""What is shown of single accounts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from uuid import UUID

import pytest
from ringfence.commands import book
from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.ids import new_id

THERE, STRANGE, STRANGER = new_id(), new_id(), new_id()


class Custody:
    """A book of one account; it has a balance for whoever is asked about, as custody had at times."""

    def accounts(self, ids: Sequence[UUID], _: UUID | None) -> list[SimpleNamespace]:
        """Leaves out what is not in the book."""
        return [SimpleNamespace(id=each, currency="EUR") for each in ids if each == THERE]

    def balances(self, ids: Sequence[UUID], _: UUID | None, *, as_of_ns: int) -> dict[UUID, int]:
        """One euro each."""
        return dict.fromkeys(ids, 100)


@pytest.fixture(autouse=True)
def _client(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def connected(_: str) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(custody=Custody())

    monkeypatch.setattr(book, "client_as", connected)


def test_balances_name_accounts_that_are_not_in_the_book(capsys: pytest.CaptureFixture[str]) -> None:
    """All of them, and no balance beside: nobody takes a part for the whole."""
    with pytest.raises(CommandFailed, match=f"not in the book: {STRANGE}, {STRANGER}") as failed:
        book.balances("somebody", [STRANGE, THERE, STRANGER], None, None)
    assert failed.value.exit_code == ExitCode.REFUSED
    assert capsys.readouterr().out == ""
    book.balances("somebody", [THERE], None, None)
    assert "1.00 EUR" in capsys.readouterr().out
