"""`ringfence keys`: principals of the sandbox with their keys and certificates."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ringfence.commands.connect import Fresh, sandbox
from ringfence.commands.terminal import output, show
from ringfence.identity import PrincipalKind


class Kind(StrEnum):
    """Kinds of principals as the command line names them."""

    PLATFORM = "platform"
    PLATFORM_APPROVER = "platform-approver"
    OPERATOR = "operator"
    REGULATOR = "regulator"
    BANK_FEED = "bank-feed"
    IMPORTER = "importer"


def keys(
    name: Annotated[str | None, typer.Argument(help="Name of the principal; lists all where left out.")] = None,
    kind: Annotated[Kind, typer.Option(help="What the principal is.")] = Kind.PLATFORM,
    platform: Annotated[str, typer.Option(help="Name of the platform that an approver or importer belongs to.")] = "",
    directory: Annotated[Path | None, typer.Option(help="Where to write; in the stack's directory by default.")] = None,
    fresh: Fresh = False,
) -> None:
    """Makes a principal of the sandbox: key pair, registration by its two operators, client certificate.

    Writes a credentials directory for the SDK and `--as`, and prints where it is. The same name again keeps its keys
    and brings the addresses up to date.
    """
    with sandbox(fresh) as box:
        if name is None:
            for each in box.names():
                box.client(each)
            rows = [
                [each, str(box.client(each).credentials.principal_id), str(box.folder_of(each))] for each in box.names()
            ]
            show("Principals of the sandbox", ["name", "id", "credentials"], rows)
            return
        tenant = box.client(platform).credentials.tenant_id if platform else None
        made = box.principal(name, PrincipalKind[kind.name], tenant_id=tenant, path=directory)
        output.print(str(made.path), highlight=False, soft_wrap=True)
