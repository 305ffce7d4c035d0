"""`ringfence keys`: principals of the sandbox with their keys and certificates."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.commands.terminal import output, show
from ringfence.identity import PrincipalKind

from ringfence_local_stack.sandbox.opening import sandbox

if TYPE_CHECKING:
    from ringfence_local_stack.sandbox.folders import PrincipalFolder

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Kind(StrEnum):
    """Kinds of principals as the command line names them."""

    PLATFORM = "platform"
    PLATFORM_APPROVER = "platform-approver"
    OPERATOR = "operator"
    REGULATOR = "regulator"
    BANK_FEED = "bank-feed"
    IMPORTER = "importer"
    AUDITOR = "auditor"
    MIRROR = "mirror"


def keys(
    name: Annotated[str | None, typer.Argument(help="Name of the principal; lists all where left out.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="What a new principal is; a platform where left out.")] = None,
    platform: Annotated[str, typer.Option(help="Name of the platform that an approver or importer belongs to.")] = "",
    directory: Annotated[Path | None, typer.Option(help="Where to write; in the stack's directory by default.")] = None,
) -> None:
    """Makes a principal of the sandbox: key pair, registration by its two operators, client certificate.

    Writes a credentials directory for the SDK and `--as`, and prints where it is. The same name again keeps its keys
    and brings the addresses up to date.
    """
    from ringfence_local_stack.sandbox.folders import PrincipalFolder

    if name is not None and not _NAME.fullmatch(name):
        raise typer.BadParameter("a name has 1 to 64 letters, digits, dots, dashes or underscores")
    with sandbox() as box:
        if name is None:
            for each in box.names():
                box.client(each)
            rows = [
                [each, str(box.client(each).credentials.principal_id), str(box.folder_of(each))] for each in box.names()
            ]
            show("Principals of the sandbox", ["name", "id", "credentials"], rows)
            return
        tenant = box.client(platform).credentials.tenant_id if platform else None
        wanted = _kind(name, kind, PrincipalFolder.open(directory or box.folder_of(name)))
        made = box.principal(name, wanted, tenant_id=tenant, path=directory)
        output.print(str(made.path), highlight=False, soft_wrap=True)


def _kind(name: str, kind: Kind | None, found: PrincipalFolder | None) -> PrincipalKind:
    """What the principal is to be; raises CommandFailed where one is there that is something else."""
    wanted = PrincipalKind[kind.name] if kind else PrincipalKind.PLATFORM
    if found is None:
        return wanted
    if kind and found.kind is not wanted:
        raise CommandFailed(f"{name} is there already, as {found.kind.name.lower()}", ExitCode.REFUSED)
    return found.kind
