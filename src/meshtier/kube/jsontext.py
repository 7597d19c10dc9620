"""What do these JSON values say, where msgspec is not there or did not understand them?"""

import json
import re
from typing import Final

from meshtier.errors import Problem
from meshtier.kube.documents import Document, Findings

TOO_DEEP: Final = "expected JSON, got more levels of nesting than can be read"

_SPACE: Final = re.compile(r"[ \t\r\n]*")


class _NoNumberError(ValueError):
    """One of the words that Python takes for numbers and JSON does not have."""


def _refuse_word(word: str) -> object:
    raise _NoNumberError(word)


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_word)


def documents(data: bytes) -> Findings:
    """Each of the JSON values that stand one after the other, up to the first that is none."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        yield Problem(problem=not_utf8(error))
        return
    number = 0
    at = _space(text, 0)
    while at < len(text):
        number += 1
        try:
            value, at = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            yield Problem(
                problem=f"expected JSON: {error.msg} (line {error.lineno}, column {error.colno})", document=number
            )
            return
        except RecursionError:
            yield Problem(problem=TOO_DEEP, document=number)
            return
        except _NoNumberError as error:
            yield Problem(problem=f"expected JSON, got the word {error}", document=number)
            return
        except ValueError:
            yield Problem(problem="expected numbers, got one of thousands of digits", document=number)
            return
        yield Document(number, value)
        at = _space(text, at)


def not_utf8(error: UnicodeDecodeError) -> str:
    """What to say of text that is not UTF-8."""
    return f"expected text in UTF-8, got the byte 0x{error.object[error.start]:02x} (byte {error.start})"


def _space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
