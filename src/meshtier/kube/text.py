"""Is this text worth parsing, and as what? Bytes looked at before a parser sees them.

Parsers meet hostile input badly: a scanner may hold 200 MB of noise as one
scalar. What cannot be a manifest is refused here, from its beginning where that is enough.
"""

import codecs
import enum
import re
from mmap import mmap
from typing import Final

from meshtier.errors import InvalidValueError

MAX_LINE: Final = 2 * 2**20
"""The longest line of YAML, in bytes: more than the API server stores of any object."""

MAX_BYTES: Final = 4 * 2**30
"""The largest input."""

_JSON: Final = re.compile(rb"(?:[\[{]\s*)+(?:\Z|[\"\]}]|(?<=[\[\s])(?:-?[0-9]|true|false|null))")
_COMMENT: Final = re.compile(r"[ \t]*(?:#.*|%.*|---(?:[ \t]+#.*)?|\.\.\.)?\r?")
_START: Final = re.compile(r"[-?\[{&!|>\"']|[^:]*:|---[ \t]")
_UTF16: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


Text = bytes | mmap
"""A text as it was read, or a file that the system maps into memory."""


class Format(enum.Enum):
    """How a text is written."""

    JSON = "JSON"  # it begins as JSON does, and as YAML in flow style seldom does
    YAML = "YAML"  # everything else


def unwrapped(data: Text) -> Text:
    """The same text in UTF-8 and without a byte order mark; *data* itself where it is so already.

    Raises:
        InvalidValueError: It begins as UTF-16 and is none.
    """
    encoding = _UTF16.get(data[:2])
    if encoding is not None:
        try:
            return data[2:].decode(encoding).encode()
        except UnicodeError as error:
            raise InvalidValueError(f"expected UTF-16 as the first two bytes say: {error}") from None
    return data[3:] if data[:3] == codecs.BOM_UTF8 else data


def format_of(data: Text) -> Format:
    """How *data*, or its beginning, is written."""
    opening = data[:4096].lstrip()
    if opening[:1] not in (b"{", b"["):
        return Format.YAML
    return Format.JSON if _JSON.match(opening) else Format.YAML


def check_beginning(data: bytes) -> None:
    """Refuse what no manifest begins with.

    Args:
        data: The first `MAX_LINE` bytes and one more, or all if there are fewer; as `unwrapped` gives them.

    Raises:
        InvalidValueError: It is empty, binary, or neither JSON nor YAML with a mapping in it.
    """
    if not data.strip():
        raise InvalidValueError("expected Kubernetes objects as YAML or JSON, got an empty text")
    nul = data.find(b"\0")
    if nul >= 0:
        raise InvalidValueError(f"expected text, got binary data (byte {nul})")
    if format_of(data) is Format.JSON:
        return
    check_lines(data)
    line = _first_line(data)
    if line and not _START.match(line):
        raise InvalidValueError(f"expected Kubernetes objects as YAML or JSON, got {line[:40]!r}")


def check_lines(data: Text) -> None:
    """Refuse YAML with a line longer than `MAX_LINE`. Cost: O(n) at most, and far less as a rule."""
    start = 0
    while len(data) - start > MAX_LINE:
        end = data.rfind(b"\n", start, start + MAX_LINE)
        if end < 0:
            beginning = data[start : start + 40].decode(errors="replace")
            raise InvalidValueError(f"expected lines of at most {MAX_LINE:,} bytes, got one that begins {beginning!r}")
        start = end + 1


def _first_line(data: bytes) -> str:
    """The first line that says something; ``""`` if none does."""
    lines = data.decode(errors="replace").split("\n")
    return next((line.strip() for line in lines if not _COMMENT.fullmatch(line)), "")
