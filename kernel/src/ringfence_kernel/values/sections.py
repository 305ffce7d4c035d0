"""A state written down, as snapshots keep it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview
Sections: TypeAlias = Sequence[tuple[str, Buffer]]
"""Named bytes, in order."""
