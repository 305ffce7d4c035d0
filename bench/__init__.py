"""Benchmarks: the platform beside controls that ran in the same minute on the same machine."""
