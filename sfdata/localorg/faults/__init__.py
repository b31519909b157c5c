"""The fault plane: what a test wants to go wrong with requests, done by the org itself, and counted.

    POST   /localorg/faults  {"operation": "query_more", "nth": 2, "kind": "reset", "args": {…}}    or a list of them
    GET    /localorg/faults                          the rules, and how often each was met, fired and was due to
    DELETE /localorg/faults?id=3                     takes one back; without an id all

All three want ``Authorization: Bearer`` with the org's fault token, which is told at its start and nowhere else. In
this process they are `LocalOrg.faults`. `rules` says which requests suffer, `kinds` what they may suffer and when,
`operations` what they are called. Without rules none of this costs a request anything.
"""

from sfdata.localorg.faults.rules import BadRule, Faults, Rule

__all__ = ["BadRule", "Faults", "Rule"]
