"""Asks witnesses over HTTP, by the standard library in threads of its own, each witness once at a time."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from ringfence_audit.log.application.publishing import ANSWER_SECONDS, WitnessAway
from ringfence_audit.log.domain.checkpoint import Checkpoint, base64_bytes
from ringfence_audit.log.domain.witnesses import ED25519, MAX_WITNESSES, SIGNATURE_BYTES, Witness

MAX_ANSWER_BYTES = 64 * 1024
_LINE = re.compile("\u2014 ([^ +]+) ([A-Za-z0-9+/]+=*)")


class HttpWitnesses:
    """The Witnesses port. Certificates are verified by the system's authorities or those of a file; none redirects."""

    def __init__(self, ca_file: Path | None) -> None:
        self._context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        # Whoever answers slowly, or not at all, holds up nobody's threads but these.
        self._threads = ThreadPoolExecutor(MAX_WITNESSES, "witness")
        self._busy: set[str] = set()

    async def add_checkpoint(self, witness: Witness, body: bytes) -> tuple[int, str]:
        """Returns status and text of the answer; raises WitnessAway. Called off, it hangs up."""
        if witness.name in self._busy:
            raise WitnessAway("it is being asked still")
        self._busy.add(witness.name)
        call = _Call(witness.url, self._context)
        asked = asyncio.get_running_loop().run_in_executor(self._threads, call.post, body)
        asked.add_done_callback(lambda _: self._busy.discard(witness.name))
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            call.hang_up()
            asked.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            raise

    def cosignature(self, witness: Witness, answer: str, checkpoint: Checkpoint) -> str:
        """Returns the line of an answer that is this witness's newest valid cosignature of a checkpoint, if any."""
        newest, line = -1, ""
        for each in filter(None, map(_LINE.fullmatch, answer.split("\n"))):
            content = base64_bytes(each[2])
            seconds = int.from_bytes(content[4:12], "big")
            if each[1] == witness.key_name and seconds > newest and _is_valid(witness, content, checkpoint):
                newest, line = seconds, f"{each[0]}\n"
        return line


class _Call:
    """One request, which somebody else may end."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        at = urlsplit(url)
        self._path = f"{at.path}/add-checkpoint"
        self._connection = (
            HTTPSConnection(at.hostname or "", at.port, timeout=ANSWER_SECONDS, context=context)
            if at.scheme == "https"
            else HTTPConnection(at.hostname or "", at.port, timeout=ANSWER_SECONDS)
        )

    def post(self, body: bytes) -> tuple[int, str]:
        """Returns status and text; blocks; raises WitnessAway."""
        try:
            self._connection.request("POST", self._path, body, {"Content-Type": "application/octet-stream"})
            answer = self._connection.getresponse()
            return answer.status, answer.read(MAX_ANSWER_BYTES).decode(errors="replace")
        except (OSError, HTTPException, ValueError) as error:
            raise WitnessAway(type(error).__name__) from error
        finally:
            self._connection.close()

    def hang_up(self) -> None:
        """Has whoever reads or writes find that the connection is gone."""
        if (found := self._connection.sock) is not None:
            with suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)


def _is_valid(witness: Witness, content: bytes, checkpoint: Checkpoint) -> bool:
    key_id, seconds, signature = content[:4], content[4:12], content[12:]
    if key_id != witness.key_id or len(signature) != SIGNATURE_BYTES[witness.algorithm] or seconds[0] > 0x7F:
        return False
    kind = Ed25519PublicKey if witness.algorithm == ED25519 else MLDSA44PublicKey
    try:
        kind.from_public_bytes(witness.public_key).verify(signature, witness.message(seconds, checkpoint))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True
