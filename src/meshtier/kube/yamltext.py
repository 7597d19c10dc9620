"""What do these YAML documents say? Plain data, with bounds on depth and on aliases.

The only module that imports PyYAML. Documents are put together from parser
events in a loop and not by PyYAML's own composer and constructor, which recurse
and see neither a key that stands twice nor an anchor that is set again. So depth
costs no stack, and aliases are weighed before anything walks through them.
Scalars are read as Kubernetes reads them: what looks like a timestamp, or like a
number in base 60, is text.
"""

import re
from collections import ChainMap
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final

import yaml
from attrs import define, field

from meshtier.errors import Problem
from meshtier.kube.decode import is_list, is_mapping
from meshtier.kube.documents import Document, Findings

MAX_DEPTH: Final = 200
"""Manifests are some twenty levels deep, the schemas in resource definitions some sixty."""

_TOO_DEEP: Final = f"expected at most {MAX_DEPTH} levels of nesting, got more"
_PARSER_TOO_DEEP: Final = "exceeded maximum nesting depth"

MAX_ALIASED: Final = 100_000
"""How many nodes all aliases of one document may stand for together."""

MAX_BROKEN: Final = 20
"""After so many documents that are no YAML the rest of a text is not tried."""

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NEXT_DOCUMENT: Final = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_ITEM_DEPTH: Final = 3
"""How many collections an item of a list of objects stands in, the whole text being the first."""

_STANDARD: Final = "tag:yaml.org,2002:"
_RESOLVERS: Final[Mapping[str, list[tuple[str, "re.Pattern[str]"]]]] = yaml.SafeLoader.yaml_implicit_resolvers
_COLLECTIONS: Final = (None, "!", f"{_STANDARD}map"), (None, "!", f"{_STANDARD}seq")
_TEXTS: Final = tuple(f"{_STANDARD}{name}" for name in ("str", "timestamp", "binary"))
_NO_KEY: Final = object()
_IN_LIST: Final = object()
_OPEN: Final = object()
_MERGE: Final = object()
_UNFIT: Final = object()

_Event = Any  # each kind of event has fields of its own


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    is_octal = digits.startswith("0") and digits.isdigit() and len(digits) > 1
    return int(text, 8 if is_octal else 0)


_READERS: Final[Mapping[str, Callable[[str], object]]] = {
    f"{_STANDARD}null": lambda _text: None,
    f"{_STANDARD}bool": frozenset({"yes", "true", "on"}).__contains__,
    f"{_STANDARD}int": _integer,
    f"{_STANDARD}float": lambda text: float(text.replace(".inf", "inf").replace(".nan", "nan")),
    f"{_STANDARD}merge": lambda _text: _MERGE,
}
"""What reads each kind of scalar, in small letters and without ``_``; what has no reader is text."""


class _RefusedError(yaml.MarkedYAMLError):
    """This document is YAML, but cannot be read further."""


def documents(text: str) -> Findings:
    """Each document of *text*, or the reason why it is none; empty documents too.

    After a document that is no YAML the reading goes on at the next line ``---``.

    Cost: O(n).
    """
    start = line = number = 0
    for _attempt in range(MAX_BROKEN):
        reading = _Reading(text[start:] if start else text, line, number)
        yield from reading.documents()
        if reading.stopped_at is None:
            return
        following = _NEXT_DOCUMENT.search(text, start + max(reading.stopped_at, 1))
        if following is None:
            return
        line += text.count("\n", start, following.start())
        start, number = following.start(), reading.number
    yield Problem(problem=f"{MAX_BROKEN} documents are no YAML; what follows them was not read", document=number + 1)


@define
class _Frame:
    """A collection that is being put together, and the key in it for which a value comes next."""

    value: Any
    key: Any
    anchor: str | None = None
    size: int = 1
    merged: list[Any] = field(factory=list[Any])


class _Reading:
    """One pass of the parser, which ends at the first fault."""

    def __init__(self, text: str, line: int, number: int) -> None:
        self._text = text
        self._line = line + 1
        self.number = number
        self.stopped_at: int | None = None
        self._begin(None)

    def documents(self) -> Findings:
        take: Mapping[type[_Event], Callable[[_Event], None]] = {
            yaml.DocumentStartEvent: self._begin,
            yaml.ScalarEvent: lambda event: self._put(self._scalar(event), 1, event.anchor, event),
            yaml.AliasEvent: self._alias,
            yaml.SequenceStartEvent: lambda event: self._open([], _IN_LIST, event),
            yaml.MappingStartEvent: lambda event: self._open({}, _NO_KEY, event),
            yaml.SequenceEndEvent: self._close,
            yaml.MappingEndEvent: self._close,
        }
        try:
            loader = _LOADER(self._text)
            while loader.check_event():
                event = loader.get_event()
                if type(event) in take:
                    take[type(event)](event)
                elif isinstance(event, yaml.DocumentEndEvent):
                    yield from self._problems
                    yield Document(self.number, self._stack[0].value[0], self._first_line, self._item_lines)
        except yaml.MarkedYAMLError as error:
            mark: Any = error.problem_mark
            said = f"{'' if isinstance(error, _RefusedError) else 'expected YAML: '}{error.problem}"
            # From PyYAML 6.0.4 on the parser has a bound of its own, which it meets first where it reads ahead.
            said = _TOO_DEEP if error.problem == _PARSER_TOO_DEEP else said
            yield self._fault(said, mark.index, f"line {self._line + mark.line}, column {mark.column + 1}")
        except yaml.YAMLError as error:  # an unfit character; found as the text is handed over
            position = getattr(error, "position", 0)
            line = self._line + self._text.count("\n", 0, position)
            self.number += 1
            yield self._fault(f"expected text: {getattr(error, 'reason', error)}", position, f"line {line}")

    def _fault(self, problem: str, position: int, where: str) -> Problem:
        self.stopped_at = position
        self.number = max(self.number, 1)
        return Problem(problem=f"{problem} ({where})", document=self.number)

    def _begin(self, event: _Event) -> None:
        self.number += event is not None
        self._problems: list[Problem] = []
        self._stack: list[_Frame] = [_Frame([], _IN_LIST)]
        self._anchors: dict[str, tuple[object, int]] = {}
        self._aliased = 0
        self._first_line: int | None = None
        self._item_lines: list[int] = []

    def _open(self, value: object, key: object, event: _Event) -> None:
        if len(self._stack) > MAX_DEPTH:
            raise _RefusedError(problem=_TOO_DEEP, problem_mark=event.start_mark)
        if event.tag not in _COLLECTIONS[key is _IN_LIST]:
            self._refuse(f"expected plain YAML, got the tag {event.tag!r}", event)
        if event.anchor:
            self._anchors[event.anchor] = _OPEN, 0
        if key is _NO_KEY and len(self._stack) <= _ITEM_DEPTH:  # nearly all collections lie deeper
            self._mark(event)
        self._stack.append(_Frame(value, key, event.anchor))

    def _mark(self, event: _Event) -> None:
        """Keep the line at which an object begins: the document's value, or an item of a list of objects."""
        depth = len(self._stack)
        if depth > _ITEM_DEPTH:
            return
        line = self._line + event.start_mark.line
        if depth == 1:
            self._first_line = line
        elif self._stack[-1].key is _IN_LIST and (depth < _ITEM_DEPTH or self._stack[1].key == "items"):
            self._item_lines.append(line)

    def _close(self, event: _Event) -> None:
        frame = self._stack.pop()
        # What stands in a mapping wins over what is merged into it, and what is merged first over the rest.
        value = dict(ChainMap(frame.value, *frame.merged)) if frame.merged else frame.value
        self._put(value, frame.size, frame.anchor, event)

    def _alias(self, event: _Event) -> None:
        value, size = self._anchors.get(event.anchor, (None, 0))
        self._aliased += size
        if value is _OPEN:
            problem = f"expected plain data, got *{event.anchor} inside of what it stands for"
        elif not size:
            problem = f"expected an anchor &{event.anchor} before *{event.anchor}, got none"
        elif self._aliased > MAX_ALIASED:
            problem = f"expected aliases for at most {MAX_ALIASED:,} nodes, got more"
        else:
            self._mark(event)
            self._put(value, size, None, event)
            return
        raise _RefusedError(problem=problem, problem_mark=event.start_mark)

    def _put(self, value: object, size: int, anchor: str | None, event: _Event) -> None:
        """Put a value where it belongs: into a list, after a key, or as the key itself."""
        if anchor:
            self._anchors[anchor] = value, size
        frame = self._stack[-1]
        frame.size += size
        held, key = frame.value, frame.key
        if key is _IN_LIST:
            held.append("<<" if value is _MERGE else value)  # it means merging only where a key stands
        elif key is _NO_KEY:
            frame.key = value
            self._check_key(frame, event)
        else:
            frame.key = _NO_KEY
            if key is _MERGE:
                self._merge(frame, value, event)
            else:
                held[key] = "<<" if value is _MERGE else value

    def _check_key(self, frame: _Frame, event: _Event) -> None:
        if not isinstance(frame.key, Hashable):
            self._refuse("expected keys that are strings, got a collection", event)
            frame.key = None
        elif frame.key in frame.value:
            self._refuse(f"expected each key once, got {frame.key!r} again", event)

    def _merge(self, frame: _Frame, value: object, event: _Event) -> None:
        sources = value if is_list(value) else [value]
        frame.merged += filter(is_mapping, sources)
        if not all(map(is_mapping, sources)):
            self._refuse("expected mappings to merge, got something else", event)

    def _scalar(self, event: _Event) -> object:
        tag, text = event.tag, event.value
        if tag is None or tag == "!":
            return _plain(text) if event.implicit[0] and tag is None else text
        value = text if tag in _TEXTS else _typed(tag, text, _UNFIT)
        if value is not _UNFIT:
            return value
        self._refuse(f"expected plain YAML, got the tag {tag!r}", event)
        return None

    def _refuse(self, problem: str, event: _Event) -> None:
        where = f"line {self._line + event.start_mark.line}"
        self._problems.append(Problem(problem=f"{problem} ({where})", document=self.number, path=self._path()))

    def _path(self) -> str:
        path = ""
        for frame in self._stack[1:]:
            if frame.key is _IN_LIST:
                path += f"[{len(frame.value)}]"
            elif isinstance(frame.key, str):
                path += f".{frame.key}" if frame.key.isidentifier() else f"[{frame.key}]"
        return path.removeprefix(".")


def _plain(text: str) -> object:
    """What a scalar without tag and quotes stands for, by YAML 1.1."""
    for tag, pattern in _RESOLVERS.get(text[:1], ()):
        if pattern.match(text):
            return _typed(tag, text, text)
    return text


def _typed(tag: str, text: str, otherwise: object) -> object:
    """The value of *text* under a standard tag; *otherwise* where it has none."""
    read = _READERS.get(tag)
    try:
        return otherwise if read is None else read(text.replace("_", "").lower())
    except ValueError:
        return otherwise
