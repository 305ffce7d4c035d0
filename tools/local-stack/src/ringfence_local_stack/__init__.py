"""The local stack: real PostgreSQL, OpenBao, NATS and the four services as supervised processes, without containers."""
