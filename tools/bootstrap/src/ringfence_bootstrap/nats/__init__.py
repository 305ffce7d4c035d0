"""What Ringfence needs in NATS: streams, and who may publish and hear what."""
