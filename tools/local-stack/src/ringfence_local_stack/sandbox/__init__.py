"""The sandbox around a local stack: its principals and their keys, its simulated bank, and how commands reach it."""
