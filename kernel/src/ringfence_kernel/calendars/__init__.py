"""Business days as facts: what a service knows of them, and how it follows custody, where they are decided (ADR 34)."""
