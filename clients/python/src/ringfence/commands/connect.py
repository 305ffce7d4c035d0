"""How a command gets to the services: a credentials directory, or a principal of the sandbox by its name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from ringfence.client import Client
from ringfence.commands import local
from ringfence.commands.reaching import require_somebody
from ringfence.credentials import FILE_NAME, Addresses, Credentials
from ringfence.errors import CredentialsError

As = Annotated[
    str,
    typer.Option("--as", envvar="RINGFENCE_AS", help="Credentials directory, or name of a principal of the sandbox."),
]
Book = Annotated[UUID | None, typer.Option("--book", help="Book (platform id); the caller's own where left out.")]
_VARIABLES = {each.name: f"RINGFENCE_{each.name.upper()}_ADDRESS" for each in fields(Addresses)}


@contextmanager
def client_as(principal: str) -> Iterator[Client]:
    """A client for a credentials directory, wherever its services are, or for a principal of the sandbox.

    Addresses in the environment go before those of a directory. Raises NothingUp where no service answers.
    """
    path = Path(principal)
    if path.is_file() or (path / FILE_NAME).is_file():
        credentials = Credentials.load(path)
        addresses = _addresses(path, credentials.addresses)
        require_somebody(addresses, credentials)
        with Client(addresses, credentials) as client:
            yield client
        return
    with local.sandbox(f"{principal!r} is no credentials directory, and principals of a sandbox") as box:
        yield box.client(principal)


def _addresses(path: Path, found: Addresses | None) -> Addresses:
    chosen = {name: os.environ[variable] for name, variable in _VARIABLES.items() if os.environ.get(variable)}
    named = {**(asdict(found) if found else {}), **chosen}
    if missing := [variable for name, variable in _VARIABLES.items() if name not in named]:
        raise CredentialsError(f"{path} names no addresses: set {', '.join(missing)}")
    return Addresses(**named)
