"""Checks of what is deployed: each can fail, and none needs a cluster."""
