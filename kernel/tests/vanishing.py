"""A way to a server that can be cut without a word: connections stay open, and nothing passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

LOOPBACK = "127.0.0.1"


@dataclass
class Way:
    """Passes bytes both ways between those who connect and a server, while it is not cut."""

    server_port: int
    port: int = 0
    _passable: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Way]:
        """Listens on a free port."""
        self._passable.set()
        listening = await asyncio.start_server(self._connected, LOOPBACK, 0)
        self.port = listening.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self._passable.set()
            listening.close()

    def cut(self) -> None:
        """Lets nothing pass from now on; nobody is told."""
        self._passable.clear()

    def mend(self) -> None:
        """Lets pass what comes, and what has been waiting."""
        self._passable.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._passable.wait()
        server_reader, server_writer = await asyncio.open_connection(LOOPBACK, self.server_port)
        await asyncio.gather(self._pass(reader, server_writer), self._pass(server_reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while content := await reader.read(65_536):
                await self._passable.wait()
                writer.write(content)
                await writer.drain()
        writer.close()
