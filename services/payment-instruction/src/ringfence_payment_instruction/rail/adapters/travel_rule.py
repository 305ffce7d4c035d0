"""Reads what the travel rule asks for, from the file that ships."""

from __future__ import annotations

import tomllib
from importlib import resources

from ringfence_payment_instruction.rail.domain.travel_rule import TravelRule


def read_travel_rule() -> TravelRule:
    """Returns the rule."""
    file = resources.files("ringfence_payment_instruction.rail") / "travel_rule.toml"
    rule = tomllib.loads(file.read_text("utf-8"))["cross_border"]
    return TravelRule(
        thresholds_minor=rule["thresholds_minor"],
        debtor=frozenset(rule["debtor"]),
        debtor_one_of=frozenset(rule["debtor_one_of"]),
        creditor=frozenset(rule["creditor"]),
    )
