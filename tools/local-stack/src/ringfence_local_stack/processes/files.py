"""Private files and folders, written whole or not at all."""

import os
import secrets
from pathlib import Path


def private_folder(path: Path, mode: int = 0o700) -> Path:
    """Makes `path` and its parents, with `mode` on the last whatever the umask; returns it."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    return path


def write_private(path: Path, text: str) -> Path:
    """Replaces `path` by a file of mode 0600 holding `text`; a crash leaves the old one or the new one. Returns it."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
    return path


def secret_in(path: Path) -> str:
    """The random password kept in `path`, made and stored when there is none yet."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text()
