"""``/localorg/faults``: rules added, listed and taken back by who has the fault token."""

from __future__ import annotations

from typing import Any

from sfdata.localorg.answers import ApiError
from sfdata.localorg.faults.rules import BadRule, Rule
from sfdata.localorg.login.credentials import same
from sfdata.localorg.login.sessions import bearer_token
from sfdata.localorg.routing import Answer, Request, Route, json_answer

PATH = "/localorg/faults"


def require_fault_token(request: Request) -> None:
    """Refuse whoever does not have the fault token.

    Raises:
        ApiError: 401.
    """
    given = bearer_token(request.headers.get("authorization")) or ""
    if not same(given, request.org.credentials.fault_token):
        raise ApiError(401, "INVALID_AUTH_HEADER", "This resource wants the fault token that was told at the start")


def add(request: Request) -> Answer:
    """``POST``: put a rule, or a list of rules, in force: all of them or none."""
    require_fault_token(request)
    given = request.json
    try:
        rules = [Rule.parse(one) for one in (given if isinstance(given, list) else [given])]
    except BadRule as problem:
        raise ApiError(400, "INVALID_INPUT", str(problem)) from None
    numbers = set(request.org.faults.plant(rules))
    return json_answer({"faults": [told for told in request.org.faults.listed() if told["id"] in numbers]}, 201)


def listed(request: Request) -> Answer:
    """``GET``: the rules, and what each has done."""
    require_fault_token(request)
    return json_answer({"faults": request.org.faults.listed()})


def clear(request: Request) -> Answer:
    """``DELETE``: take back the rule of ``id``, or all."""
    require_fault_token(request)
    number: Any = request.query.get("id")
    if number is not None:
        if not number.isdecimal():
            raise ApiError(400, "INVALID_INPUT", "id must be the number of a rule")
        number = int(number)
    request.org.faults.clear(number)
    return Answer(204)


ROUTES: tuple[Route, ...] = (
    Route("GET", PATH, listed, "Faults in force, and how often each struck", public=True),
    Route("POST", PATH, add, "Have requests fail, answers cut or wrong", public=True),
    Route("DELETE", PATH, clear, "Take faults back", public=True),
)
"""Without a session: the fault token opens them."""
