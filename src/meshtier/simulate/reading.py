"""What does the file of a scenario say? The one place of this room that opens files."""

import os
from pathlib import Path
from typing import Final

from meshtier.errors import InputError, InvalidValueError, Problem
from meshtier.kube import jsontext
from meshtier.kube.documents import Document, Findings
from meshtier.kube.sources import yaml_documents
from meshtier.kube.text import Format, check_lines, format_of, unwrapped
from meshtier.simulate.scenario import Scenario

MAX_BYTES: Final = 2**24
"""The largest scenario."""


def read_scenario(path: str | os.PathLike[str]) -> Scenario:
    """The scenario in a file of YAML or JSON, as `Scenario.from_mapping` understands it.

    Raises:
        InputError: The file cannot be read or does not hold one scenario, or with all that is wrong in it.
        MissingExtraError: It is YAML, and PyYAML is not installed.
    """
    file = os.fspath(path)
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise InvalidValueError(f"expected a scenario of at most {MAX_BYTES:,} bytes, got more")
        found = list(_documents(data))
    except InvalidValueError as error:
        raise InputError([Problem(problem=error.problem, file=file)]) from None
    except OSError as error:
        text = f"expected a file that can be read: {error.strerror or error}"
        raise InputError([Problem(problem=text, file=file)]) from None
    problems = [
        Problem(problem=each.problem, file=file, document=each.document) for each in found if isinstance(each, Problem)
    ]
    values = [each.value for each in found if isinstance(each, Document) and each.value is not None]
    if not problems and len(values) != 1:
        problems.append(Problem(problem=f"expected one scenario, got {len(values)}", file=file))
    if problems:
        raise InputError(problems)
    return Scenario.from_mapping(values[0], file=file)


def _documents(data: bytes) -> Findings:
    text = unwrapped(data)
    if not text[:].strip():
        raise InvalidValueError("expected a scenario, got an empty file")
    if b"\0" in text[:]:
        raise InvalidValueError("expected a scenario as YAML or JSON, got binary data")
    if format_of(text) is Format.JSON:
        return jsontext.documents(text)
    check_lines(text)
    try:
        return yaml_documents(text[:].decode())
    except UnicodeDecodeError as error:
        raise InvalidValueError(jsontext.not_utf8(error)) from None
