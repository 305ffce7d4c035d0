"""What Ringfence needs in Vault and NATS, as data: shown as a plan, and made."""
