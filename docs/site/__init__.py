"""The documentation as a site: what of the repository is on it, what is made from the code, what holds both."""
