"""How PostgreSQL is told to answer the questions that a read model has indexes for."""

from __future__ import annotations

PREDICTABLE = """
SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off; SET LOCAL enable_sort = off; SET LOCAL jit = off;
SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL statement_timeout = '10s'
"""
"""Run first in a transaction: its plans follow from the indexes, not from statistics that may be missing or old, and
nothing runs without a bound."""
