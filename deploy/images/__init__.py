"""The images of services and tools: built, looked into, and run beside real servers."""
