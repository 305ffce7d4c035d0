"""What rows have to reach (docs/bench.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MARGIN = 1e-9


@dataclass(frozen=True)
class Target:
    """A bound on one figure of a row."""

    figure: str
    least: float | None = None
    most: float | None = None

    def is_met(self, seen: float | None) -> bool:
        """Tells whether a figure keeps the bound; one that was not measured does not."""
        if seen is None:
            return False
        return (self.least is None or seen >= self.least - MARGIN) and (self.most is None or seen <= self.most + MARGIN)


HEEDED = tuple(
    Target(f"{nats}{place}_{what}_ms", most=most)
    for nats in ("", "without_nats_")
    for place in ("custody", "handover")
    for what, most in (("p99", 1_000), ("worst", 2_000))
)
"""How soon a revocation is heeded; an authorisation's at custody would say nothing."""

TARGETS: Mapping[tuple[str, int], Sequence[Target]] = {
    ("custody", 8_190): (Target("per_second", least=450_000), Target("ratio", least=3.5)),
    ("custody", 1_000): (Target("per_second", least=300_000), Target("ratio", least=2.7)),
    ("custody", 100): (Target("per_second", least=90_000), Target("ratio", least=1.1)),
    ("custody", 1): (
        Target("per_second", least=2_500),
        Target("ratio_to_transport", least=0.5),
        Target("p99_ms", most=40),
    ),
    ("custody_sdk", 1): (Target("per_second", least=40_000), Target("ratio", least=15)),
    ("custody_sustained", 1_000): (
        Target("per_second", least=75_000),
        Target("ratio", least=0.8),
        Target("largest_lag_seconds", most=5),
    ),
    ("sanctions_lists", 1): (
        Target("seconds", most=10),
        Target("names", least=25_700),
        Target("aliases", least=16_000),
    ),
    ("screening_delta", 1): (Target("seconds", most=30), Target("blocked_wrongly", most=0)),
    ("revocation_principal", 1): HEEDED,
    ("revocation_platform", 1): HEEDED,
    ("revocation_client", 1): HEEDED,
    ("revocation_authorisation", 1): HEEDED[2:4] + HEEDED[6:],
    ("idle", 1): (Target("busiest_percent", most=1), Target("rows", most=0)),
    ("tenant_beside_flood", 1): (Target("p99_ratio", most=2),),
    ("tenant_beside_parties", 1): (Target("p99_ratio", most=2),),
    ("tenant_beside_aliases", 1): (Target("p99_ratio", most=2),),
    ("tenant_beside_principals", 1): (Target("p99_ratio", most=2),),
    ("tenant_beside_proposals", 1): (Target("p99_ratio", most=2),),
    ("tenant_beside_files", 1): (Target("p99_ratio", most=2),),
    ("tenant_beside_lists", 1): (Target("p99_ratio", most=2),),
    ("tenant_beside_searches", 1): (Target("p99_ratio", most=2),),
    ("instructions", 1_000): (Target("per_second", least=9_000),),
    ("instructions_concurrent", 1): (Target("per_second", least=1_000), Target("p99_ms", most=500)),
    ("payments_closed", 1_000): (
        Target("start_seconds", most=5),
        Target("memory_mib", most=512),
        Target("answers_right", least=1),
    ),
    ("identity_parties", 1): (
        Target("start_seconds", most=5),
        Target("memory_mib", most=1_024),
        Target("answers_right", least=1),
    ),
    ("matching", 1_000_000): (Target("seconds", most=5), Target("extra_mb", most=300)),
    ("statements", 10_000): (Target("cpu_seconds", most=2),),
    ("statements", 100_000): (Target("extra_mb", most=500),),
    ("audit_tree", 100_000): (Target("leaf_us", most=3), Target("ratio", least=0.3)),
    ("audit_verify", 100_000): (Target("leaf_us", most=15), Target("ratio", least=0.03)),
    ("audit_drained", 1): (Target("per_second", least=50_000),),
    ("audit_beside_custody", 1_000): (Target("per_second", least=15_000), Target("behind_p99_seconds", most=2)),
    ("audit_receipts", 1): (Target("service_p99_ms", most=5),),
    ("audit_answers", 1): (Target("service_p99_ms", most=50), Target("most_absence_bytes", most=51_200)),
    ("audit_disk", 1): (Target("leaf_bytes", most=300),),
    ("audit_restart", 1): (
        Target("start_seconds", most=2),
        Target("memory_mib", most=512),
        Target("answers_right", least=1),
    ),
    ("audit_index", 131_072): (
        Target("leaf_us", most=10),
        Target("ratio", least=0.08),
        Target("leaf_bytes", most=150),
    ),
    ("identity_claims", 1): (Target("rank_p", least=0.001),),
    ("custody_rebuild", 8_190): (
        Target("per_second", least=5_000_000),
        Target("memory_mib", most=512),
        Target("first_transfer_exists", least=1),
    ),
}
"""By name and rows per request (docs/bench.md)."""
