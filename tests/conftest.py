"""Settings every test runs under."""

from __future__ import annotations

from hypothesis import settings

# The same examples on each run: CI judges the change, not the dice. --hypothesis-profile=explore looks for new ones and
# prints the seed of what it finds. No deadline: a busy machine is no failure.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, print_blob=True, max_examples=1000)
settings.load_profile("repeatable")
