"""Who leads, as the tests say."""

from __future__ import annotations

from ringfence_kernel.service.leadership import Leadership


class Leading(Leadership):
    """A leadership that begins and ends when told."""

    def __init__(self) -> None:
        self.leads = True

    @property
    def is_leading(self) -> bool:
        """Tells what was told."""
        return self.leads
