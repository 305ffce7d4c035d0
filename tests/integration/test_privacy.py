"""Personal data stands nowhere in clear: not in events, tables, write-ahead log, NATS, or logs."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.stack.local_stack import LocalStack

from .traffic import PAYERS, Traffic, open_platform

# The rail's own files are for the bank, and name people as they must.
FOR_THE_BANK = "sandbox"


def files(folder: Path) -> Iterator[Path]:
    """Yields every file that a part of the stack has written."""
    for path in folder.rglob("*"):
        if path.is_file() and FOR_THE_BANK not in path.relative_to(folder).parts and path.stat().st_size:
            yield path


def hits(path: Path, needles: list[bytes]) -> list[bytes]:
    """Returns the needles that stand in a file; one that is gone by now has none."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return [needle for needle in needles if content.find(needle) >= 0]
    except (FileNotFoundError, ValueError):
        return []


def test_no_personal_data_in_clear_on_disk(stack: LocalStack, sandbox: Sandbox) -> None:
    """After onboarding, deposits and payments no name, IBAN or identity number can be found in any stored byte."""
    platform = open_platform(sandbox)
    with Traffic(platform) as traffic:
        traffic.wait_for_more(40)
    traffic.await_all_settled()
    # What is still in the buffers goes to disk.
    with stack.postgres.superuser() as connection:
        connection.execute("CHECKPOINT")
    needles = [
        text.encode()
        for customer in platform.customers(*PAYERS)
        for text in (customer.name, customer.iban, customer.party.identity_number)
    ]
    scanned = list(files(stack.directory))
    assert len(scanned) > 100
    # What must be found is found: the tenant's id is in the events of this very platform.
    assert any(hits(path, [platform.id.bytes]) for path in scanned)
    found = {str(path.relative_to(stack.directory)): names for path in scanned if (names := hits(path, needles))}
    assert not found
