"""gRPC as every service speaks it: mutual TLS, access rules from the protos, named refusals, bounds, telemetry."""
