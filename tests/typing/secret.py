"""What a type checker must refuse to let anybody do with a secret. Checked by mypy, never run."""

from __future__ import annotations

from typing import assert_type

from sfdata.secret import Secret


def a_secret_is_no_text(secret: Secret) -> None:
    text: str = secret  # type: ignore[assignment]
    text = "Bearer " + secret  # type: ignore[operator]
    text = ", ".join([secret])  # type: ignore[list-item]
    headers: dict[str, str] = {"Authorization": secret}  # type: ignore[dict-item]
    headers["Authorization"] = secret  # type: ignore[assignment]
    bytes(secret)  # type: ignore[call-overload]
    len(secret)  # type: ignore[arg-type]
    secret.lower()  # type: ignore[attr-defined]
    secret.value = text  # type: ignore[attr-defined]


def only_reveal_gives_the_text(secret: Secret) -> None:
    assert_type(secret.reveal(), str)
    assert_type(Secret.of("x"), Secret)
    assert_type(Secret.of(secret), Secret)
    assert_type(secret.masked_in("…"), str)
    Secret(7)  # type: ignore[arg-type]
    Secret(secret)  # type: ignore[arg-type]
