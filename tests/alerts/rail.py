"""The folder in which messages wait for the bank, closed for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ringfence_local_stack.sandbox.birth import spool_folder
from ringfence_local_stack.stack.running import RunningStack


@contextmanager
def closed_outbox(stack: RunningStack) -> Iterator[Path]:
    """Has the folder take no message for as long as the block lasts; yields where its content is meanwhile."""
    outbox = spool_folder(stack.directory) / "outbox"
    closed = outbox.rename(outbox.with_name("closed"))
    outbox.write_bytes(b"")
    try:
        yield closed
    finally:
        outbox.unlink()
        closed.rename(outbox)
