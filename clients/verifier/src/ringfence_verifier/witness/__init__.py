"""A witness (C2SP tlog-witness): cosigns checkpoints that extend what it has seen of a log, and nothing else."""
