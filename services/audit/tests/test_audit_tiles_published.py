"""What anybody may keep for good is compared before it is given, and whoever asks much holds up nobody else."""

from __future__ import annotations

import asyncio
import threading
from hashlib import sha256
from typing import Any

import pytest
from ringfence_audit.log.domain.errors import LogDamaged
from ringfence_audit.log.domain.merkle import Frontier
from ringfence_audit.log.domain.state import SignedHead
from ringfence_audit.tiles.api.application import TilesApplication
from ringfence_audit.tiles.application import published
from ringfence_audit.tiles.application.published import Newest, PublishedTiles
from ringfence_audit.tiles.domain.paths import read_path
from ringfence_kernel.rpc.admission import Admission
from ringfence_kernel.values.errors import Overloaded

SIZE = 256 * 256 + 300


class Rows:
    """The tiles of a log, as rows that somebody may change."""

    def __init__(self) -> None:
        hashes = b"".join(sha256(b"%d" % number).digest() for number in range(SIZE))
        frontier, tiles = Frontier().extended(hashes)
        self.root, self.reads = frontier.root(), 0
        self.rows = {(tile.level, tile.index): tile.hashes for tile in tiles}

    def tile(self, level: int, index: int) -> bytes:
        """Reads a row."""
        self.reads += 1
        return self.rows.get((level, index), b"")

    def published(self) -> PublishedTiles:
        """Publishes them."""
        signed = SignedHead(SIZE, self.root, "", (), b"")
        return PublishedTiles(Newest(lambda: signed, lambda: True), self.tile)


async def read(tiles: PublishedTiles, path: str) -> bytes | None:
    """Reads a tile by its path."""
    found = read_path(path)
    assert found is not None
    return await tiles.hashes(found)


async def test_a_tile_is_given_whole_or_not_at_all() -> None:
    """Short, gone or changed, of any level: named; one that was compared once is not read again."""
    rows = Rows()
    tiles = rows.published()
    for path, at, width in (
        ("/tile/0/000", (0, 0), 256),
        ("/tile/0/256", (0, 256), 256),
        ("/tile/0/257.p/44", (0, 257), 44),
        ("/tile/1/000", (1, 0), 256),
        ("/tile/1/001.p/1", (1, 1), 1),
        ("/tile/2/000.p/1", (2, 0), 1),
    ):
        whole = rows.rows[at]
        if width == 256:
            for changed in (b"\0" * 32 + whole[32:], whole[32:64] + whole[:32] + whole[64:]):
                rows.rows[at] = changed
                with pytest.raises(LogDamaged):
                    await read(tiles, path)
        for changed in (whole[: 32 * width - 1], b""):
            rows.rows[at] = changed
            with pytest.raises(LogDamaged):
                await read(tiles, path)
        rows.rows[at] = whole
        assert await read(tiles, path) == whole[: 32 * width]
    assert await read(tiles, "/tile/0/258.p/1") is None
    before = rows.reads
    assert await read(tiles, "/tile/0/256") == rows.rows[0, 256]
    assert rows.reads == before


async def test_who_asks_much_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A place is held until its thread is done, also where nobody waits any more; other threads are left alone."""
    monkeypatch.setattr(published, "TILES_AT_ONCE", 3)
    rows, may_go = Rows(), threading.Event()
    tiles, tile = rows.published(), rows.tile
    assert isinstance(tiles.room, Admission)

    def slow(level: int, index: int) -> bytes:
        assert threading.current_thread().name.startswith("tiles")
        may_go.wait(10)
        return tile(level, index)

    object.__setattr__(tiles, "tile", slow)
    waiting = [asyncio.create_task(read(tiles, f"/tile/0/{number:03d}")) for number in range(3)]
    await asyncio.sleep(0.05)
    waiting[0].cancel()
    await asyncio.sleep(0.05)
    with pytest.raises(Overloaded):
        await read(tiles, "/tile/0/009")
    assert await asyncio.to_thread(lambda: "free") == "free"
    may_go.set()
    assert [len(each or b"") for each in await asyncio.gather(*waiting[1:])] == [8_192, 8_192]
    await asyncio.sleep(0.05)
    assert tiles.room.running == 0
    assert await read(tiles, "/tile/0/009") == rows.rows[0, 9]


async def test_what_is_not_given_is_no_answer_to_keep() -> None:
    """A damaged tile, and one too many: 503, which nobody stores."""
    rows = Rows()
    tiles = rows.published()
    nothing: Any = None
    application = TilesApplication(tiles, nothing, nothing, 10)

    async def answer(path: str) -> tuple[int, bytes, dict[bytes, bytes]]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await application({"type": "http", "method": "GET", "raw_path": path.encode()}, nothing, send)
        return sent[0]["status"], sent[1]["body"], dict(sent[0]["headers"])

    assert (await answer("/tile/0/003"))[0] == 200
    rows.rows[0, 4] = rows.rows[0, 5]
    status, body, headers = await answer("/tile/0/004")
    assert (status, body, headers[b"cache-control"]) == (503, b"LOG_DAMAGED\n", b"no-store")
    for _ in range(published.TILES_AT_ONCE):
        tiles.room.enter()
    status, body, headers = await answer("/tile/0/006")
    assert (status, body, headers[b"cache-control"]) == (503, b"OVERLOADED\n", b"no-store")
    assert (await answer("/tile/0/003"))[0] == 200
