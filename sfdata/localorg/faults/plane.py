"""Carries faults out around the handling of one request, in the order in which their rules were added."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

from sfdata.localorg.answers import ApiError
from sfdata.localorg.faults.bodies import Unfit
from sfdata.localorg.faults.delivery import place
from sfdata.localorg.faults.kinds import Meeting
from sfdata.localorg.routing import Answer, Early, Request, json_answer


def early(meetings: Sequence[Meeting], body_bytes: int) -> Early | None:
    """What happens before a request of so many bytes is received; None for nothing."""
    for meeting in meetings:
        if meeting.kind.deliver is not None:
            at = place(meeting.args["at"], body_bytes)
            return Early(Answer(delivery=meeting.kind.deliver(meeting)), at)
        if meeting.kind.instead is not None:
            return Early(meeting.kind.instead(meeting), body_bytes)
    return None


def suffered(meetings: Sequence[Meeting], request: Request, respond: Callable[[], Answer]) -> Answer:
    """The answer to a request that meets faults, and what the org does meanwhile."""
    with ExitStack() as around:
        for meeting in meetings:
            if meeting.ahead and meeting.kind.around is not None:
                around.enter_context(meeting.kind.around(meeting, request))
        ahead = [_replaced(meeting, None) for meeting in meetings if meeting.ahead]
        given = next((answer for answer in ahead if answer is not None), None) or respond()
    try:
        return _spoilt(meetings, request, given)
    except Unfit as problem:
        refusal = ApiError(500, "FAULT_DOES_NOT_FIT", f"The fault asked for cannot be done to this answer: {problem}")
        return json_answer(refusal.body(), refusal.status)


def _spoilt(meetings: Sequence[Meeting], request: Request, given: Answer) -> Answer:
    if given.file is not None:
        given = replace(given, body=b"".join(given.file.pieces()), file=None)
    for meeting in meetings:
        if not meeting.ahead:
            given = _replaced(meeting, given) or given
            if meeting.kind.around is not None:
                with meeting.kind.around(meeting, request):
                    pass
        if meeting.kind.after is not None:
            given = meeting.kind.after(meeting, request, given)
    return given


def _replaced(meeting: Meeting, given: Answer | None) -> Answer | None:
    """Somebody else's answer, or one with a delivery of its own; None where the kind does neither."""
    if meeting.kind.instead is not None:
        return meeting.kind.instead(meeting)
    if meeting.kind.deliver is not None:
        return replace(given or Answer(), delivery=meeting.kind.deliver(meeting))
    return None
