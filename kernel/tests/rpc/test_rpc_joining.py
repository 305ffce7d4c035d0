"""One servicer out of several modules' methods."""

from __future__ import annotations

import pytest
from ringfence_kernel.rpc.joining import joined


class Base:
    """As generated: every method unimplemented."""

    def Open(self, request: object, context: object) -> str:
        """Not there."""
        raise NotImplementedError

    def Close(self, request: object, context: object) -> str:
        """Not there."""
        raise NotImplementedError


class Opening:
    """Serves one method."""

    def Open(self, request: object, context: object) -> str:
        """Answers."""
        return f"opened {request}"


class Closing:
    """Serves the other."""

    def Close(self, request: object, context: object) -> str:
        """Answers."""
        return f"closed {request}"


def test_each_method_is_that_of_its_part() -> None:
    """The servicer is one of the generated class, and answers by the parts."""
    servicer = joined(Base, Opening(), Closing())
    assert isinstance(servicer, Base)
    assert (servicer.Open("a", None), servicer.Close("b", None)) == ("opened a", "closed b")


@pytest.mark.parametrize("parts", [(Opening(),), (Opening(), Opening(), Closing())])
def test_a_hole_or_a_doubled_method_is_refused(parts: tuple[object, ...]) -> None:
    """What nobody serves, or two do, is an error before anything is served."""
    with pytest.raises(TypeError, match=r"Base\.(Open|Close) is served by"):
        joined(Base, *parts)
