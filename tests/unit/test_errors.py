import pickle
from collections.abc import Callable, Mapping
from enum import Enum

import pytest

from meshtier.errors import (
    MAX_SHOWN,
    InputError,
    InvalidValueError,
    MeshError,
    MissingExtraError,
    Problem,
    UnknownNameError,
    check_int,
    check_member,
    check_name,
    check_percentage,
    check_type,
)

PROBLEM = Problem(problem="expected a port, got 'http'", file="a.yaml", document=2, object="Service b/r", path="spec")
SAMPLES = [
    pytest.param(InvalidValueError("expected a string, got 5", "zone"), ValueError, id="invalid value"),
    pytest.param(UnknownNameError("host", "revews", ["reviews"]), KeyError, id="unknown name"),
    pytest.param(MissingExtraError("yaml", "reading YAML"), ImportError, id="missing extra"),
    pytest.param(InputError([PROBLEM]), ValueError, id="input"),
]


@pytest.mark.parametrize(("error", "builtin"), SAMPLES)
def test_an_error_is_a_mesh_error_and_the_builtin_that_callers_expect(
    error: MeshError, builtin: type[Exception]
) -> None:
    assert isinstance(error, MeshError)
    assert isinstance(error, builtin)


@pytest.mark.parametrize(("error", "builtin"), SAMPLES)
def test_an_error_survives_pickling_with_all_that_it_knows(error: MeshError, builtin: type[Exception]) -> None:
    copy = pickle.loads(pickle.dumps(error))  # our own bytes
    assert type(copy) is type(error)
    assert (copy.args, vars(copy), str(copy)) == (error.args, vars(error), str(error))


def test_an_invalid_value_says_where_it_stood() -> None:
    error = InvalidValueError("expected a string, got 5", "endpoints[3].weight")
    assert str(error) == "endpoints[3].weight: expected a string, got 5"
    assert (error.problem, error.path) == ("expected a string, got 5", "endpoints[3].weight")
    assert error.args == ("expected a string, got 5", "endpoints[3].weight")


def test_an_invalid_value_without_a_path_is_its_problem() -> None:
    assert str(InvalidValueError("expected a string, got 5")) == "expected a string, got 5"


def test_an_unknown_name_lists_the_nearest_best_first() -> None:
    error = UnknownNameError.among("host", "reviws", ["ratings", "reviews", "productpage"])
    assert str(error) == "no host 'reviws'; the nearest: reviews"
    assert (error.what, error.name, error.nearest) == ("host", "reviws", ("reviews",))


def test_names_that_contain_the_unknown_one_come_first() -> None:
    known = ["reviews.bookinfo.svc.cluster.local", "revue", "x"]
    assert UnknownNameError.among("host", "review", known).nearest == ("reviews.bookinfo.svc.cluster.local", "revue")


def test_of_many_names_that_contain_the_unknown_one_three_are_listed() -> None:
    known = [f"a-very-long-name-around-pod-{number}" for number in range(9)]
    assert UnknownNameError.among("pod", "pod", known).nearest == (
        "a-very-long-name-around-pod-0",
        "a-very-long-name-around-pod-1",
        "a-very-long-name-around-pod-2",
    )


def test_at_most_five_names_are_listed() -> None:
    assert len(UnknownNameError.among("pod", "pod-x", [f"pod-{number}" for number in range(9)]).nearest) == 5


def test_a_name_like_no_other_is_answered_with_the_first_that_there_are() -> None:
    known = ["g", "f", "e", "d", "c", "b", "a", "a"]
    error = UnknownNameError.among("node", "zzz", known)
    assert (error.nearest, error.known) == ((), ("a", "b", "c", "d", "e"))
    assert str(error) == "no node 'zzz'; there are: a, b, c, d, e"


def test_an_empty_name_is_contained_in_nothing() -> None:
    assert UnknownNameError.among("node", "", ["d", "c", "b", "a"]).nearest == ()


def test_an_unknown_name_where_there_are_none_says_so() -> None:
    error = UnknownNameError.among("node", "n1", [])
    assert str(error) == "no node 'n1'"
    assert error.nearest == ()


def test_a_missing_extra_says_what_to_install() -> None:
    error = MissingExtraError("yaml", "reading YAML")
    assert str(error) == "reading YAML needs an extra: pip install 'meshtier[yaml]'"
    assert (error.extra, error.purpose) == ("yaml", "reading YAML")


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        pytest.param(PROBLEM, "a.yaml, document 2, Service b/r, spec: expected a port, got 'http'", id="everywhere"),
        pytest.param(Problem(problem="no YAML", file="a.yaml"), "a.yaml: no YAML", id="a whole file"),
        pytest.param(Problem(problem="no YAML", file="-", document=0), "-, document 0: no YAML", id="document 0"),
        pytest.param(Problem(problem="no name", object="Node"), "Node: no name", id="an object from no file"),
        pytest.param(Problem(problem="nothing to read"), "nothing to read", id="nowhere"),
    ],
)
def test_a_problem_says_where_it_stands_as_far_as_that_is_known(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_an_input_error_tells_all_problems_in_their_order() -> None:
    other = Problem(problem="no name", object="Node")
    error = InputError([PROBLEM, other])
    assert error.problems == (PROBLEM, other)
    assert str(error) == ("a.yaml, document 2, Service b/r, spec: expected a port, got 'http'\nNode: no name")


def test_the_text_of_very_many_problems_is_bounded_and_says_how_many_more() -> None:
    problems = tuple(Problem(problem=f"p{number}") for number in range(MAX_SHOWN + 1234))
    lines = str(InputError(problems)).splitlines()
    assert len(lines) == MAX_SHOWN + 1
    assert lines[-1] == "… and 1,234 more"
    assert InputError(problems).problems == problems
    assert len(str(InputError(problems[:MAX_SHOWN])).splitlines()) == MAX_SHOWN


def test_among_very_many_names_the_nearest_is_still_found() -> None:
    known = [f"namespace-{number % 97}/pod-{number:05}" for number in range(20_000)]
    assert "namespace-42/pod-04213" in known
    assert (
        UnknownNameError.among("client", "namespace-42/pod-0421", known).nearest[0].startswith("namespace-42/pod-0421")
    )
    assert UnknownNameError.among("client", "namspace-42/pod-04213", known).nearest[0] == "namespace-42/pod-04213"
    assert UnknownNameError.among("client", "", known).nearest == ()


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize(
    ("check", "message"),
    [
        pytest.param(lambda: check_type(5, str, "a"), "a: expected a string, got 5", id="no string"),
        pytest.param(lambda: check_type(1, bool, "a"), "a: expected True or False, got 1", id="no bool"),
        pytest.param(lambda: check_type([], Mapping, "a"), "a: expected a mapping, got []", id="no mapping"),
        pytest.param(lambda: check_type(5, Colour, "a"), "a: expected a Colour, got 5", id="no instance"),
        pytest.param(lambda: check_type(5, InputError, "a"), "a: expected an InputError, got 5", id="a vowel"),
        pytest.param(lambda: check_type(5, Colour | None, "a"), "a: expected a Colour or None, got 5", id="a union"),
        pytest.param(lambda: check_type(5, Mapping, "a", what="hosts"), "a: expected hosts, got 5", id="in words"),
        pytest.param(lambda: check_name("", "a"), "a: expected a non-empty string, got ''", id="empty"),
        pytest.param(lambda: check_name(5, "a"), "a: expected a non-empty string, got 5", id="no name"),
        pytest.param(lambda: check_int(0, "a", least=1, most=9), "a: expected an integer from 1 to 9, got 0", id="low"),
        pytest.param(
            lambda: check_int(9, "a", least=0, most=8), "a: expected an integer from 0 to 8, got 9", id="high"
        ),
        pytest.param(
            lambda: check_int(True, "a", least=0, most=8), "a: expected an integer from 0 to 8, got True", id="a bool"
        ),
        pytest.param(
            lambda: check_int(1.0, "a", least=0, most=8), "a: expected an integer from 0 to 8, got 1.0", id="a float"
        ),
        pytest.param(lambda: check_percentage(-1, "a"), "a: expected a number from 0 to 100, got -1", id="below 0"),
        pytest.param(lambda: check_percentage(100.5, "a"), "a: expected a number from 0 to 100, got 100.5", id="above"),
        pytest.param(lambda: check_percentage(True, "a"), "a: expected a number from 0 to 100, got True", id="bool"),
        pytest.param(lambda: check_percentage("5", "a"), "a: expected a number from 0 to 100, got '5'", id="text"),
        pytest.param(
            lambda: check_percentage(float("nan"), "a"), "a: expected a number from 0 to 100, got nan", id="nan"
        ),
        pytest.param(
            lambda: check_member("red", Colour, "a"),
            "a: expected one of Colour.RED, Colour.BLUE, got 'red'",
            id="a member's value",
        ),
    ],
)
def test_a_check_says_what_was_expected_what_came_and_where(check: Callable[[], None], message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        check()
    assert str(caught.value) == message
    assert caught.value.path == "a"


def test_a_check_takes_what_fits() -> None:
    check_type(None, Colour | None, "a")
    check_type(Colour.RED, Colour | None, "a")
    check_name("b", "a")
    check_int(0, "a", least=0, most=0)
    check_percentage(0, "a")
    check_percentage(100.0, "a")
    check_member(Colour.RED, Colour, "a")
