"""The messages of the console: found in its templates and its code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ringfence_console
from babel.messages.extract import extract_from_file

PACKAGE = Path(ringfence_console.__file__).parent
_IN_CODE = {"marked": None, "gettext": None, "_gettext": None, "ngettext": (1, 2)}
_IN_TEMPLATES = {"_": None, "gettext": None, "ngettext": (1, 2)}
Message = str | tuple[str, ...]


def messages() -> set[Message]:
    """Gives each message once; those with a plural as both of their forms."""
    return set(_found())


def _found() -> Iterator[Message]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for _, message, _, _ in extract_from_file("python", str(path), keywords=_IN_CODE):
            yield message
    for path in sorted(PACKAGE.rglob("*.html")):
        options = {"trimmed": "true", "silent": "false"}
        for _, message, _, _ in extract_from_file(
            "jinja2.ext:babel_extract", str(path), keywords=_IN_TEMPLATES, options=options
        ):
            yield message
