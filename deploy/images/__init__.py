"""The images of the four services: built, looked into, and run beside real servers."""
