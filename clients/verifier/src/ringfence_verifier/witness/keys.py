"""A witness's own keys, each in a file that only its owner reads."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from ringfence_verifier.cosignature import ED25519, ML_DSA_44, CosignerKey, cosigned_message
from ringfence_verifier.note import Checkpoint, signature_line

FILES = {ED25519: "ed25519.key", ML_DSA_44: "ml-dsa-44.key"}
"""Raw seeds of 32 bytes."""


@dataclass(frozen=True)
class CosigningKey:
    """A private key with the public one that others are given."""

    private: Ed25519PrivateKey | MLDSA44PrivateKey
    public: CosignerKey

    @classmethod
    def of(cls, name: str, algorithm: int, seed: bytes) -> CosigningKey:
        """Makes the key pair of a seed of 32 bytes."""
        if algorithm == ED25519:
            private: Ed25519PrivateKey | MLDSA44PrivateKey = Ed25519PrivateKey.from_private_bytes(seed)
        else:
            private = MLDSA44PrivateKey.from_seed_bytes(seed)
        return cls(private, CosignerKey(name, algorithm, private.public_key().public_bytes_raw()))

    def line(self, text: str, checkpoint: Checkpoint, seconds: int) -> str:
        """Gives the signature line over a checkpoint with that note text, at a time in POSIX seconds."""
        key = self.public
        signature = self.private.sign(cosigned_message(key.algorithm, key.name, seconds, text, checkpoint))
        return signature_line(key.name, key.key_id, seconds.to_bytes(8, "big") + signature)


def make_keys(folder: Path, name: str) -> list[CosigningKey]:
    """Makes one key of each algorithm that this machine can use; raises FileExistsError where there are some."""
    for algorithm, file in FILES.items():
        seed = os.urandom(32)
        try:
            CosigningKey.of(name, algorithm, seed)
        except UnsupportedAlgorithm:
            continue
        descriptor = os.open(folder / file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(seed)
            opened.flush()
            os.fsync(opened.fileno())
    return read_keys(folder, name)


def read_keys(folder: Path, name: str) -> list[CosigningKey]:
    """Reads the keys that were made; raises OSError where there are none."""
    (folder / FILES[ED25519]).stat()
    return [
        CosigningKey.of(name, algorithm, (folder / file).read_bytes())
        for algorithm, file in FILES.items()
        if (folder / file).exists()
    ]
