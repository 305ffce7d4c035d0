"""Acts of two people: one proposes, another confirms, and only then anything happens (ADR 0020)."""
