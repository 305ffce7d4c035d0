"""Computing in a process aside, of less priority, where strangers' bytes are read (docs/adr/0066)."""
