"""What do these JSON values say, where msgspec is not there or did not understand them?"""

import json
import re
from typing import Final

from meshtier.errors import Problem
from meshtier.kube.documents import Document, Findings
from meshtier.kube.text import Text

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_LAST_WORD: Final = re.compile(r"[^\s,:\[\]{}\"]*\s*\Z")


def _refuse_word(word: str) -> object:
    # Words that Python takes for numbers and JSON does not have.
    raise ValueError(f"expected JSON, got the word {word}")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_word)


def documents(data: Text, start: int = 0, number: int = 1) -> Findings:
    """Each of the JSON values that stand one after the other from the byte *start*, up to the first that is none.

    Args:
        data: The whole text, so that lines are counted from its beginning.
        start: Where a value begins.
        number: Which document of the text that value is.
    """
    if start >= len(data):
        return
    try:
        at = len(data[:start].decode())
        text = data[:].decode()
    except UnicodeDecodeError as error:
        yield Problem(problem=not_utf8(error), document=number)
        return
    at = _space(text, at)
    while at < len(text):
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            yield Problem(problem=_fault(error, text, at), document=number)
            return
        yield Document(number, value)
        at = _space(text, at)
        number += 1


def _fault(error: ValueError | RecursionError, text: str, start: int) -> str:
    """What is wrong with the value that begins at *start*."""
    if isinstance(error, RecursionError):
        return "expected JSON, got more levels of nesting than can be read"
    if not isinstance(error, json.JSONDecodeError):
        ours = str(error)
        return ours if ours.startswith("expected") else "expected numbers, got one of thousands of digits"
    if error.pos > start and (_LAST_WORD.match(text, error.pos) or error.msg.startswith("Unterminated")):
        last = text.count("\n") + 1
        return f"expected JSON, got a text that ends in the middle of a value (line {last})"
    return f"expected JSON: {error.msg[:1].lower()}{error.msg[1:]} (line {error.lineno}, column {error.colno})"


def not_utf8(error: UnicodeDecodeError) -> str:
    """What to say of text that is not UTF-8."""
    return f"expected text in UTF-8, got the byte 0x{error.object[error.start]:02x} (byte {error.start})"


def _space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
