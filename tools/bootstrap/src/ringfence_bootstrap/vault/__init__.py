"""What Ringfence needs in Vault or OpenBao: engines, keys, authorities, policies and who gets them."""
