"""`ringfence console`: pages of the log, the money and the people, in a browser on this machine."""

from __future__ import annotations

import os
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from ringfence_verifier import VerifierKey

from ringfence.commands import local
from ringfence.commands.connect import As, client_as
from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.commands.terminal import note, output
from ringfence.commands.trusted import REMEMBERED, LogKey, PolicyFile, key_of, policy_of
from ringfence.remembered import Remembered


def console(
    principal: As,
    key: LogKey = "",
    policy: PolicyFile = None,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port on this machine; a free one where left out.")] = 0,
    documents: Annotated[
        str, typer.Option(help="Where the documents are served, https://…: findings lead to their runbooks there.")
    ] = "",
    browse: Annotated[bool, typer.Option("--open", help="Open the link in the browser of this machine.")] = False,
) -> None:
    """Serves pages to a browser on this machine, as one person, until Ctrl-C.

    The link that is printed lets in one browser, once. After 15 minutes without use the pages are locked, and another
    link is printed. Each view of a page is a fact in the log.
    """
    from ringfence.console_host.host import host_of
    from ringfence.console_host.serving import serve

    if documents and not documents.startswith(("https://", "http://")):
        raise typer.BadParameter("--documents is an address that begins with https:// or http://")
    vkey = key_of(key) if key else _sandbox_key()
    with client_as(principal) as client:
        if client.credentials.folder is None:
            raise CommandFailed("credentials without a folder cannot remember the log", ExitCode.ENVIRONMENT)
        remembered = Remembered(Path(client.credentials.folder) / REMEMBERED)
        made = host_of(client, VerifierKey.parse(vkey).text(), remembered, policy_of(policy), documents.rstrip("/"))

        with opening() as open_in_browser:

            def told(link: str) -> None:
                output.print(link, highlight=False, soft_wrap=True)
                if browse:
                    open_in_browser(link)

            note("open this link, which works once; Ctrl-C ends it")
            serve(made, told, port)


@contextmanager
def opening() -> Iterator[Callable[[str], None]]:
    """Gives what opens a link in the browser of this machine, by a file that nobody else may read.

    What a browser is started with is seen by every account of the machine: a link that lets somebody in is none of it.
    """
    with TemporaryDirectory(prefix="ringfence-") as folder:
        page = Path(folder) / "console.html"

        def opened(link: str) -> None:
            page.unlink(missing_ok=True)
            file = os.open(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "w", encoding="utf-8") as written:
                written.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={escape(link)}">\n')
            webbrowser.open(page.as_uri())

        yield opened


def _sandbox_key() -> str:
    with local.sandbox("without --key, pages") as box:
        return box.log_key()
