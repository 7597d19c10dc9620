"""How a message shows what does not fit."""

import pytest

from meshtier.kube.decode import in_short


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": 1}, "a mapping"),
        ([1], "a list"),
        ((), "a list"),
        ({1}, "a list"),
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (1, "1"),
        (1.5, "1.5"),
        (2**240 - 1, str(2**240 - 1)[:60]),
        (2**240, "a very large integer"),
        ("x" * 60, repr("x" * 60)),
        ("x" * 61, repr("x" * 60) + "…"),
        (b"x" * 100, repr(b"x" * 100)[:60]),
    ],
    ids=lambda value: repr(value)[:12],
)
def test_a_value_is_shown_in_short(value: object, shown: str) -> None:
    assert in_short(value) == shown
