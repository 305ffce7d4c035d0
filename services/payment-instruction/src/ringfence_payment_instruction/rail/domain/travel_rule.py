"""What a bank must be told of who pays and who is paid, or the payment is not executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of both sides of a payment: countries by ISO 3166-1 code, empty for unknown; facts by name."""

    amount_minor: int
    currency: str
    debtor_country: str
    creditor_country: str
    debtor: frozenset[str]
    creditor: frozenset[str]


@dataclass(frozen=True, slots=True)
class TravelRule:
    """From which amounts it holds, in minor units by currency, and what it asks for (see travel_rule.toml)."""

    thresholds_minor: Mapping[str, int]
    debtor: frozenset[str]
    debtor_one_of: frozenset[str]
    creditor: frozenset[str]

    def holds(self, told: Told) -> bool:
        """Tells whether a payment is one that it is about; one of which a country is unknown may cross a border."""
        is_domestic = told.debtor_country == told.creditor_country != ""
        return not is_domestic and told.amount_minor >= self.thresholds_minor.get(told.currency, 0)

    def is_met(self, told: Told) -> bool:
        """Tells whether it holds not, or all that it asks for is told."""
        return not self.holds(told) or (
            self.debtor <= told.debtor and bool(self.debtor_one_of & told.debtor) and self.creditor <= told.creditor
        )
