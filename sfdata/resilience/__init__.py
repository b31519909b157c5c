"""Policies as plain objects: retry, circuit breaker, limits, and the hooks that tell the outside. No I/O."""
