"""Files that pages load: kept in memory, named by their hash, so that a browser asks for each once."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

PREFIX = "/static/"
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_FOREVER = "private, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    packed: bytes
    media_type: str


@dataclass(frozen=True)
class Assets:
    """The files of the package, by the path that a page asks for."""

    by_path: Mapping[str, Asset]
    paths: Mapping[str, str]

    @classmethod
    def read(cls) -> Assets:
        """Reads them; modules import each other by their bare names, and so are hashed together."""
        contents = {
            each.name: each.read_bytes()
            for folder in ("static", "vendored")
            for each in files(__package__).joinpath(folder).iterdir()
            if each.name.rpartition(".")[2] in _TYPES
        }
        version = sha256(b"".join(contents[name] for name in sorted(contents))).hexdigest()[:12]
        paths = {name: f"{PREFIX}{version}/{name}" for name in contents}
        kept = {
            paths[name]: Asset(content, gzip.compress(content, 9, mtime=0), _TYPES[name.rpartition(".")[2]])
            for name, content in contents.items()
        }
        return cls(kept, paths)

    def answer(self, request: Request) -> Response:
        """Answers with a file."""
        found = self.by_path.get(request.url.path)
        if found is None:
            return Response(status_code=404)
        headers = {"cache-control": _FOREVER, "vary": "accept-encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            return Response(found.packed, headers=headers, media_type=found.media_type)
        return Response(found.content, headers=headers, media_type=found.media_type)
