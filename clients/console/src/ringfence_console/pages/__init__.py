"""Pages: each asks its port once, and draws what it is given."""
