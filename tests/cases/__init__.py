"""Inputs that failed once or fail still, each with the right value, played against a stack of their own."""
