"""A stand-in for a service, which keeps to the contract of the stack's environment variables and does nothing else."""
