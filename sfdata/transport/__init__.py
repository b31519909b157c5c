"""The wire, and the layers above it. The only importers of httpx; import this package when a connection is made."""
