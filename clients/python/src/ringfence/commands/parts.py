"""`ringfence parts`: how every process of the services is."""

from __future__ import annotations

from ringfence.commands.connect import As, client_as
from ringfence.commands.terminal import show


def parts(principal: As) -> None:
    """Shows every process: whether it leads, what is wrong with it, and how far behind others it is, as an operator."""
    with client_as(principal) as client:
        found = client.conditions.all()
    rows = [
        [
            each.service,
            each.address,
            each.state.name.lower(),
            "; ".join(f"{name}: {problem}" for name, problem in each.checks.items() if problem),
            ", ".join(
                f"{reading.of.partition('=')[2]} {reading.value:.0f}"
                for reading in each.readings
                if reading.name == "ringfence.feed.lag.events"
            ),
        ]
        for each in found
    ]
    show("Processes", ["service", "address", "state", "wrong", "events behind"], rows)
