"""How a command gets to the services: a credentials directory, or a principal of the sandbox by its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from ringfence.client import Client
from ringfence.commands import local
from ringfence.credentials import FILE_NAME

As = Annotated[
    str,
    typer.Option("--as", envvar="RINGFENCE_AS", help="Credentials directory, or name of a principal of the sandbox."),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Use a private, empty stack, gone afterwards.")]
Book = Annotated[UUID | None, typer.Option("--book", help="Book (platform id); the caller's own where left out.")]


@contextmanager
def client_as(principal: str, fresh: bool = False) -> Iterator[Client]:
    """A client for a credentials directory, wherever its services are, or for a principal of the sandbox."""
    path = Path(principal)
    if path.is_file() or (path / FILE_NAME).is_file():
        with Client.load(path) as client:
            yield client
        return
    with local.sandbox(fresh, f"{principal!r} is no credentials directory, and principals of a sandbox") as box:
        yield box.client(principal)
