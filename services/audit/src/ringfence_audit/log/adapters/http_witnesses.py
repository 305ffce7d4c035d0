"""Asks witnesses over HTTP, by the standard library in threads: one short request a second at most."""

from __future__ import annotations

import asyncio
import re
import ssl
import urllib.error
import urllib.request
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from ringfence_audit.log.application.publishing import ANSWER_SECONDS, WitnessAway
from ringfence_audit.log.domain.checkpoint import Checkpoint
from ringfence_audit.log.domain.witnesses import ED25519, Witness, decoded

MAX_ANSWER_BYTES = 64 * 1024
_LINE = re.compile("\u2014 ([^ +]+) ([A-Za-z0-9+/]+=*)")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A witness is asked where the policy says, and nowhere else."""

    def redirect_request(self, *arguments: object) -> None:
        """Follows nothing."""


class HttpWitnesses:
    """The Witnesses port. Certificates are verified by the system's authorities, or those of a file."""

    def __init__(self, ca_file: Path | None) -> None:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        https = urllib.request.HTTPSHandler(context=context)
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), https, _NoRedirect)

    async def add_checkpoint(self, witness: Witness, body: bytes) -> tuple[int, str]:
        """Returns status and text of the answer; raises WitnessAway."""
        return await asyncio.to_thread(self._post, f"{witness.url}/add-checkpoint", body)

    def cosignatures(self, witness: Witness, answer: str, checkpoint: Checkpoint) -> str:
        """Returns the lines of an answer that are this witness's valid cosignatures of a checkpoint, no others."""
        matches = [_LINE.fullmatch(line) for line in answer.split("\n")]
        lines = [each for each in matches if each and each[1] == witness.key_name]
        return "".join(f"{each[0]}\n" for each in lines if _is_valid(witness, decoded(each[2]), checkpoint))

    def _post(self, url: str, body: bytes) -> tuple[int, str]:
        request = urllib.request.Request(url, body, {"Content-Type": "application/octet-stream"})
        try:
            with self._opener.open(request, timeout=ANSWER_SECONDS) as answer:
                return answer.status, _text(answer.read(MAX_ANSWER_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _text(error.read(MAX_ANSWER_BYTES))
        except (OSError, ValueError) as error:
            raise WitnessAway(type(error).__name__) from error


def _is_valid(witness: Witness, content: bytes, checkpoint: Checkpoint) -> bool:
    key_id, seconds, signature = content[:4], content[4:12], content[12:]
    if key_id != witness.key_id or len(seconds) != 8:
        return False
    kind = Ed25519PublicKey if witness.algorithm == ED25519 else MLDSA44PublicKey
    try:
        kind.from_public_bytes(witness.public_key).verify(signature, witness.message(seconds, checkpoint))
    except (InvalidSignature, ValueError):
        return False
    return True


def _text(content: bytes) -> str:
    return content.decode(errors="replace")
