"""What every drill ends with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .after import compare_at_the_end


@pytest.fixture(scope="module", autouse=True)
def everything_agrees_afterwards() -> Iterator[None]:
    """Begins before any stack of a module does, and ends after."""
    with pytest.MonkeyPatch.context() as patch:
        compare_at_the_end(patch)
        yield
