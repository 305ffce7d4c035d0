"""The demonstration: two platforms, their clients' money, and a regulator who believes nobody."""
