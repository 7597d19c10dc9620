"""What do files of rates and prices say? The one module of this room that opens files."""

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from attrs import evolve

from meshtier.errors import InputError, InvalidValueError, Problem
from meshtier.kube import jsontext
from meshtier.kube.documents import Document
from meshtier.kube.sources import yaml_documents
from meshtier.kube.text import Format, check_lines, format_of, unwrapped
from meshtier.traffic.demand import COLUMNS, Traffic
from meshtier.traffic.prices import Prices
from meshtier.traffic.prometheus import (
    Direction,
    is_answer,
    samples_of_answer,
    samples_of_text,
    traffic_of,
    warnings_of,
)

MAX_BYTES: Final = 2**30
"""The largest file of rates."""
MAX_PRICES: Final = 2**20
"""The largest file of prices."""


def read_rates(
    path: str | os.PathLike[str],
    *,
    unit: str | None = None,
    per: float | None = None,
    direction: Direction = Direction.BOTH,
) -> Traffic:
    """The rates in a file.

    It may be CSV, with a line of heads of `Traffic.from_rows` and ``unit`` if wanted; JSON:
    such rows, ``{client: {host: rate}}``, either of them as ``rates`` beside a ``unit``; what the
    HTTP API of Prometheus answers to a query; or metrics as a ztunnel shows them.

    Args:
        path: The file.
        unit: What the numbers are, where the file does not say it.
        per: Where the numbers are what counters grew by: in how many seconds.
        direction: Which bytes of a ztunnel's metrics count.

    Raises:
        InputError: The file cannot be read, or with all that is wrong in it.
    """
    file = os.fspath(path)
    try:
        text = _text(path, MAX_BYTES, "rates")
        return _rates(text, unit=unit, per=per, direction=direction, file=file)
    except InvalidValueError as error:
        raise InputError([Problem(problem=error.problem, file=file, path=error.path)]) from None


def read_prices(path: str | os.PathLike[str]) -> Prices:
    """The prices in a file of YAML or JSON, as `Prices.from_mapping` understands them.

    Raises:
        InputError: The file cannot be read, or with all that is wrong in it.
        MissingExtraError: It is YAML, and PyYAML is not installed.
    """
    file = os.fspath(path)
    try:
        text = _text(path, MAX_PRICES, "prices")
        data = text.encode()
        check_lines(data)
        found = list(jsontext.documents(data) if format_of(data) is Format.JSON else yaml_documents(text))
        values = [each.value for each in found if isinstance(each, Document) and each.value is not None]
        problems = [each for each in found if isinstance(each, Problem)]
        if problems:
            raise InvalidValueError(problems[0].problem)
        if len(values) != 1 or not isinstance(values[0], Mapping):
            raise InvalidValueError("expected prices by their names, as in zone: 0.01")
        return Prices.from_mapping(cast("Mapping[str, Any]", values[0]))
    except InvalidValueError as error:
        raise InputError([Problem(problem=error.problem, file=file, path=error.path)]) from None


def _text(path: str | os.PathLike[str], most: int, what: str) -> str:
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as error:
        raise InvalidValueError(f"expected a file that can be read: {error.strerror or error}") from None
    if len(data) > most:
        raise InvalidValueError(f"expected {what} of at most {most:,} bytes, got more")
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InvalidValueError(f"expected {what}, got binary data")
    try:
        text = bytes(unwrapped(data)).decode()
    except UnicodeDecodeError as error:
        raise InvalidValueError(jsontext.not_utf8(error)) from None
    if not text.strip():
        raise InvalidValueError(f"expected {what}, got an empty file")
    return text


def _rates(text: str, *, unit: str | None, per: float | None, direction: Direction, file: str) -> Traffic:
    if text.lstrip()[:1] in ("{", "["):
        return _of_json(text, unit=unit, per=per, direction=direction, file=file)
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    heads = [head.strip() for head in first.split(",")]
    if "{" in first or ("," not in first and " " in first.strip()):
        return traffic_of(samples_of_text(text), unit=unit, per=per, direction=direction, origin=file)
    missing = [name for name in ("host", "rate") if name not in heads]
    if missing:
        got = ", ".join(map(repr, heads))
        raise InvalidValueError(
            f"expected the columns host, rate and who sends, got {got}: no {' and no '.join(missing)}"
        )
    allowed = (*COLUMNS, "unit")
    if unknown := [head for head in heads if head not in allowed]:
        raise InvalidValueError(f"expected columns out of {', '.join(allowed)}, got {', '.join(map(repr, unknown))}")
    rows = list(_csv_rows(text))
    unit = _unit([(where, row.pop("unit", "")) for where, row in rows], unit)
    return Traffic.from_numbered_rows(rows, unit=unit, per=per, origin=file)


def _csv_rows(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    # Comments are for people; those before the heads, and between rows, are no rows.
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1)]
    kept = [(number, line) for number, line in lines if line.strip() and not line.startswith("#")]
    reader = csv.reader(io.StringIO("\n".join(line for _, line in kept)), strict=True)
    try:
        heads = [head.strip() for head in next(reader)]
        for row in reader:
            where = f"line {kept[reader.line_num - 1][0]}"
            if len(row) != len(heads):
                raise InvalidValueError(f"expected {len(heads)} cells, got {len(row)}", where)
            yield where, {head: value.strip() for head, value in zip(heads, row, strict=True)}
    except csv.Error as error:
        raise InvalidValueError(f"expected CSV: {error}") from None


def _unit(said: Sequence[tuple[str, Any]], unit: str | None) -> str:
    """The unit that all rows say."""
    units = {text for _, text in said if text}
    if len(units) > 1 or (units and unit is not None and units != {unit}):
        raise InvalidValueError(
            f"expected one unit, got {', '.join(map(repr, sorted({*units, *([unit] if unit else [])})))}"
        )
    return next(iter(units), unit or "")


def _of_json(text: str, *, unit: str | None, per: float | None, direction: Direction, file: str) -> Traffic:
    found = list(jsontext.documents(text.encode()))
    problem = next((each for each in found if isinstance(each, Problem)), None)
    if problem is not None:
        raise InvalidValueError(problem.problem)
    if len(found) != 1:
        raise InvalidValueError(f"expected one JSON value, got {len(found)}")
    data: Any = found[0].value if isinstance(found[0], Document) else None
    if is_answer(data):
        found_in = traffic_of(samples_of_answer(data), unit=unit, per=per, direction=direction, origin=file)
        return evolve(found_in, notes=(*found_in.notes, *warnings_of(data)))
    if isinstance(data, Mapping):
        return _of_mapping(cast("Mapping[str, Any]", data), unit=unit, per=per, file=file)
    return _of_rows(data, unit=unit or "", per=per, file=file)


def _of_mapping(data: Mapping[str, Any], *, unit: str | None, per: float | None, file: str) -> Traffic:
    if "rates" not in data:
        return Traffic.from_mapping(data, unit=unit or "", per=per, origin=file)
    if unknown := [key for key in data if key not in ("rates", "unit")]:
        raise InvalidValueError(f"expected rates and unit, got {', '.join(map(repr, unknown))}")
    said, rates = data.get("unit", ""), data["rates"]
    if not isinstance(said, str):
        raise InvalidValueError(f"expected text, got {said!r}", "unit")
    unit = _unit([("unit", said)], unit)
    if isinstance(rates, Mapping):
        return Traffic.from_mapping(cast("Mapping[str, Any]", rates), unit=unit, per=per, origin=file)
    return _of_rows(rates, unit=unit, per=per, file=file)


def _of_rows(rows: Any, *, unit: str, per: float | None, file: str) -> Traffic:  # noqa: ANN401  # decoded JSON
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise InvalidValueError(f"expected rates as rows or by client and host, got {rows!r}")
    return Traffic.from_rows(cast("Sequence[Mapping[str, Any]]", rows), unit=unit, per=per, origin=file)
