"""A way to a server that is long: whatever is sent arrives a while later."""

from __future__ import annotations

import socket
import threading
import time
from types import TracebackType

LATE_SECONDS = 0.15


class FarAway:
    """An address from which connections lead to another; what goes either way takes `LATE_SECONDS`."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0

    def __enter__(self) -> FarAway:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for each in (self._listener, *self._ends):
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            far = socket.create_connection(self._target)
            self._ends += [near, far]
            for ends in ((near, far), (far, near)):
                threading.Thread(target=_carry, args=ends, daemon=True).start()


def _carry(source: socket.socket, target: socket.socket) -> None:
    try:
        while sent := source.recv(65536):
            time.sleep(LATE_SECONDS)
            target.sendall(sent)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return  # one end is closed
