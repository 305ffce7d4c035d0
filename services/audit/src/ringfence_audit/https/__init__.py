"""HTTPS in the service's own loop, beside gRPC: a bounded listener that tells who connects by which certificate."""
