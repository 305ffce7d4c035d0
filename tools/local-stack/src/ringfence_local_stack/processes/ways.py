"""Ways to servers that can be cut without a word: connections stay open, and nothing passes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType

from ringfence_local_stack.processes.ports import LOOPBACK


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
        try:
            server_reader, server_writer = await asyncio.open_connection(LOOPBACK, self.server_port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pass(reader, server_writer), self._pass(server_reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while content := await reader.read(65_536):
                await self._passable.wait()
                writer.write(content)
                await writer.drain()
        writer.close()


class Ways:
    """Ways by the name of what they lead to, kept passable or cut by a thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ways", daemon=True)
        self._resources = AsyncExitStack()
        self._by_name: dict[str, Way] = {}

    def __enter__(self) -> Ways:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._resources.aclose(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def to(self, name: str, server_port: int) -> str:
        """Opens a way to a server on this machine; returns the address (host:port) by which it is reached."""
        opening = self._resources.enter_async_context(Way(server_port).open())
        way = self._by_name[name] = asyncio.run_coroutine_threadsafe(opening, self._loop).result(10)
        return f"{LOOPBACK}:{way.port}"

    def cut(self, name: str) -> None:
        """Lets nothing pass to a server and back; nobody is told."""
        self._loop.call_soon_threadsafe(self._by_name[name].cut)

    def mend(self, name: str) -> None:
        """Lets pass what comes, and what has been waiting."""
        self._loop.call_soon_threadsafe(self._by_name[name].mend)
