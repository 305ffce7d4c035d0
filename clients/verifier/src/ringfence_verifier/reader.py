"""Binary proofs are taken apart from their beginning; nothing is allocated that is not there."""

from __future__ import annotations

from ringfence_verifier.errors import ProofRefused
from ringfence_verifier.proofs import HASH_BYTES


class Reader:
    """Reads `content`, which is `what` ("answer") and has `most` bytes at most; raises `refused`."""

    def __init__(self, content: bytes, what: str, most: int, refused: type[ProofRefused]) -> None:
        if len(content) > most:
            raise refused("TOO_LONG", f"it is longer than any {what} may be")
        self._content, self._what, self._refused = content, what, refused
        self.at = 0

    def begin(self, header: bytes, reason: str) -> None:
        """Reads the line that it begins with; another one is refused for `reason`."""
        if self._content[: len(header)] != header:
            raise self._refused(reason, f"it is no {self._what} of this format")
        self.at = len(header)

    def end(self) -> None:
        """Demands that nothing is left."""
        if self.at != len(self._content):
            raise self._refused("NOT_AT_ITS_END", "something stands after its end")

    def take(self, length: int, what: str) -> bytes:
        """Gives the next bytes."""
        end = self.at + length
        if end > len(self._content):
            raise self._refused("CUT_SHORT", f"it is cut short at {what}")
        taken, self.at = self._content[self.at : end], end
        return taken

    def number(self, length: int, what: str) -> int:
        """Reads a big-endian integer."""
        return int.from_bytes(self.take(length, what), "big")

    def sized(self, length: int, what: str) -> bytes:
        """Reads what follows its own length."""
        return self.take(self.number(length, what), what)

    def hashes(self, length: int) -> list[bytes]:
        """Reads hashes that follow their number."""
        taken = self.take(self.number(length, "its proof") * HASH_BYTES, "its proof")
        return [taken[at : at + HASH_BYTES] for at in range(0, len(taken), HASH_BYTES)]
