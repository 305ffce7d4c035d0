"""The console on a person's own machine: its ports over this SDK, with the person's key, certificate and token."""
