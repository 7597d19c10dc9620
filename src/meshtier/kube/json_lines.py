"""At which lines do the objects of a JSON text begin? Found when it is first asked for, and not while a dump is read.

Decoders of JSON say no lines. To look for them takes as long as to read a dump
(1.9 s for 100,000 pods in 720 MB), so that they are looked for only when
something is to be said of an object: the file is then gone through once more, if
nobody has changed it.
"""

import json
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import cached_property
from types import ModuleType
from typing import Final

from attrs import define

from meshtier.kube.decode import is_mapping
from meshtier.kube.schema import CLUSTER_WIDE, KINDS, title_of
from meshtier.kube.text import Text

_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_BETWEEN: Final = re.compile(rb"[ \t\r\n,:]*")
_DECODER: Final = json.JSONDecoder()

_Span = tuple[int, int]
"""Where a value begins, and the byte behind it."""


@define(eq=False)
class JsonLines:
    """The lines of the objects of one text.

    Attributes:
        text: Gives the text, as it was read; ``None`` if it is no longer to be had.
        fast: Gives the module `decode_json`; ``None`` if the extra is not installed.
    """

    text: Callable[[], Text | None]
    fast: Callable[[], ModuleType | None]

    @cached_property
    def by_title(self) -> Mapping[str, int]:
        """Where each object begins, from 1; what cannot be found is not there. Cost: O(n), once."""
        data = self.text()
        return {} if data is None else dict(_lines(data, self.fast()))


def _lines(data: Text, fast: ModuleType | None) -> Iterator[tuple[str, int]]:
    """The title of each object and its line, in order."""
    reader = _Reader(data, fast)
    line, before = 1, 0
    for list_kind, (start, end) in reader.objects():
        line += data[before:start].count(b"\n")
        before = start
        kind, namespace, name = reader.naming(start, end)
        schema = KINDS.get(kind or list_kind)
        if schema is not None and name:
            yield title_of(schema, ("" if schema in CLUSTER_WIDE else namespace or "default", name)), line


class _Reader:
    """Walks through a text that was read before, and stops where that is not as expected."""

    def __init__(self, data: Text, fast: ModuleType | None) -> None:
        self._data = data
        self._view = memoryview(data)
        self._fast = fast
        # One character a byte: what is looked for are the marks of JSON, and names, which are ASCII.
        self._text = "" if self._fast is not None else data[:].decode("latin-1")

    def objects(self) -> Iterator[tuple[str, _Span]]:
        """Each object with the kind that its list gives it, ``""`` for none."""
        at = self._skip(_SPACE, 0)
        while at < len(self._data):
            end = yield from self._value(at)
            if end <= at:
                return
            at = self._skip(_SPACE, end)

    def _value(self, start: int) -> Generator[tuple[str, _Span], None, int]:
        """The objects of one value of the text; what comes back is where it ends."""
        if self._data[start : start + 1] == b"[":
            spans, end = self._items(start)
            yield from (("", span) for span in spans)
            return end
        kind, spans, end = self._members(start)
        if kind.endswith("List"):
            of_items = kind.removesuffix("List")
            yield from ((of_items, span) for span in spans)
        elif end:
            yield "", (start, end)
        return end

    def _members(self, start: int) -> tuple[str, list[_Span], int]:
        """The kind of an object, the items that it lists, and where it ends; 0 if it is none."""
        kind, spans = "", list[_Span]()
        at = self._skip(_BETWEEN, start + 1)
        while self._data[at : at + 1] == b'"':
            key_end = self._end(at)
            key = self._data[at:key_end].strip()
            at = self._skip(_BETWEEN, key_end)
            if key == b'"items"' and self._data[at : at + 1] == b"[":
                spans, end = self._items(at)
            else:
                end = self._end(at)
            if key == b'"kind"':
                kind = self._data[at:end].strip().decode("latin-1").strip('"')
            if end <= at:
                return "", [], 0
            at = self._skip(_BETWEEN, end)
        return kind, spans, at + 1 if self._data[at : at + 1] == b"}" else 0

    def _items(self, start: int) -> tuple[list[_Span], int]:
        spans: list[_Span] = []
        at = self._skip(_BETWEEN, start + 1)
        while self._data[at : at + 1] not in (b"]", b""):
            end = self._end(at)
            if end <= at:
                return [], 0
            spans.append((at, end))
            at = self._skip(_BETWEEN, end)
        return spans, at + 1

    def _skip(self, pattern: "re.Pattern[bytes]", at: int) -> int:
        found = pattern.match(self._data, at)
        return found.end() if found else at

    def _end(self, start: int) -> int:
        """The byte behind the value that begins at *start*, or behind the space after it; 0 if there is no value."""
        if self._fast is not None:
            end: int = self._fast.end_of_value(self._view, start)
            return end
        try:
            return _DECODER.raw_decode(self._text, start)[1]
        except (ValueError, RecursionError):
            return 0

    def naming(self, start: int, end: int) -> tuple[str, str, str]:
        """The kind, namespace and name of an object, ``""`` for what it does not say."""
        if self._fast is not None:
            found: tuple[str, str, str] = self._fast.naming_of(self._view[start:end])
            return found
        value: object = _DECODER.raw_decode(self._text, start)[0]
        meta = value.get("metadata") if is_mapping(value) else None
        if not is_mapping(value) or not is_mapping(meta):
            return "", "", ""
        return _text_in(value, "kind"), _text_in(meta, "namespace"), _text_in(meta, "name")


def _text_in(value: Mapping[str, object], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""
