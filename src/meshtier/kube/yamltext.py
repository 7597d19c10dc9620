"""What do these YAML documents say? Plain data, with bounds on depth and on aliases.

The only module that imports PyYAML. Documents are put together from parser
events in a loop and not by PyYAML's own recursive constructor, so that depth costs
no stack, aliases are weighed before anything walks through them, and a key that
stands twice is seen. Scalars are read as Kubernetes reads them: what looks like a
timestamp, or like a number in base 60, is text.
"""

import re
from collections.abc import Hashable, Mapping
from typing import Any, Final, cast

import yaml
from attrs import define, field

from meshtier.errors import Problem
from meshtier.kube.documents import Document, Findings

MAX_DEPTH: Final = 200
"""Manifests are some twenty levels deep, the schemas in resource definitions some sixty."""

MAX_ALIASED: Final = 100_000
"""How many nodes all aliases of one document may stand for together."""

MAX_BROKEN: Final = 20
"""After so many documents that are no YAML the rest of a text is not tried."""

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NEXT_DOCUMENT: Final = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_STANDARD: Final = "tag:yaml.org,2002:"
_RESOLVERS: Final[Mapping[str, list[tuple[str, "re.Pattern[str]"]]]] = yaml.SafeLoader.yaml_implicit_resolvers
_TRUE: Final = frozenset({"yes", "true", "on"})
_OPEN: Final = object()
_MERGE: Final = object()


class _RefusedError(Exception):
    """This document cannot be read further."""

    def __init__(self, problem: str, mark: Any) -> None:  # noqa: ANN401  # PyYAML has no types
        super().__init__(problem)
        self.problem = problem
        self.mark = mark


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
    """A collection that is being put together."""

    is_list: bool
    anchor: str | None
    pairs: dict[Any, object] = field(factory=dict[Any, object])
    items: list[object] = field(factory=list[object])
    key: Any = None
    has_key: bool = False
    size: int = 1
    merged: list[Mapping[Any, object]] = field(factory=list[Mapping[Any, object]])

    @property
    def value(self) -> object:
        """What was put together; the pairs of a mapping win over those merged into it."""
        if self.is_list:
            return self.items
        for source in self.merged:
            self.pairs = {**source, **self.pairs}
        return self.pairs


class _Reading:
    """One pass of the parser, which ends at the first fault."""

    def __init__(self, text: str, line: int, number: int) -> None:
        self._text = text
        self._line = line
        self.number = number
        self.stopped_at: int | None = None

    def documents(self) -> Findings:
        loader: Any = None
        mark: Any = None
        try:
            loader = _LOADER(self._text)
            while loader.check_event():
                event = loader.get_event()
                mark = event.start_mark
                if isinstance(event, yaml.DocumentStartEvent):
                    self.number += 1
                    yield from self._document(loader)
        except _RefusedError as refusal:
            yield self._fault(refusal.problem, refusal.mark)
        except yaml.MarkedYAMLError as error:
            yield self._fault(f"expected YAML: {error.problem}", error.problem_mark or mark)
        except yaml.YAMLError as error:  # an unfit character; found as the text is handed over
            position = getattr(error, "position", 0)
            self.number += 1
            self.stopped_at = position
            reason = getattr(error, "reason", error)
            line = self._line + self._text.count("\n", 0, position) + 1
            yield Problem(problem=f"expected text: {reason} (line {line})", document=self.number)
        finally:
            if loader is not None:
                loader.dispose()

    def _fault(self, problem: str, mark: Any) -> Problem:  # noqa: ANN401
        self.stopped_at = mark.index
        self.number = max(self.number, 1)
        where = f"line {self._line + mark.line + 1}, column {mark.column + 1}"
        return Problem(problem=f"{problem} ({where})", document=self.number)

    def _document(self, loader: Any) -> Findings:  # noqa: ANN401
        composer = _Composer()
        while True:
            event = loader.get_event()
            if isinstance(event, yaml.DocumentEndEvent):
                break
            composer.take(event)
        for path, problem, mark in composer.problems:
            where = f"line {self._line + mark.line + 1}"
            yield Problem(problem=f"{problem} ({where})", document=self.number, path=path)
        yield Document(self.number, composer.value)


class _Composer:
    """Puts one document together from its events."""

    def __init__(self) -> None:
        self.value: object = None
        self.problems: list[tuple[str, str, Any]] = []
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[object, int]] = {}
        self._aliased = 0

    def take(self, event: Any) -> None:  # noqa: ANN401
        match event:
            case yaml.ScalarEvent():
                value = self._scalar(event)
                if event.anchor:
                    self._anchors[event.anchor] = value, 1
                self._put(value, 1, event)
            case yaml.MappingStartEvent():
                self._begin(event, is_list=False)
            case yaml.SequenceStartEvent():
                self._begin(event, is_list=True)
            case yaml.AliasEvent():
                self._alias(event)
            case _:
                self._end(event)

    def _begin(self, event: Any, *, is_list: bool) -> None:  # noqa: ANN401
        if len(self._stack) >= MAX_DEPTH:
            raise _RefusedError(f"expected at most {MAX_DEPTH} levels of nesting, got more", event.start_mark)
        if event.tag and event.tag not in (f"{_STANDARD}{'seq' if is_list else 'map'}", "!"):
            self._report(f"expected plain YAML, got the tag {event.tag!r}", event)
        if event.anchor:
            self._anchors[event.anchor] = _OPEN, 0
        self._stack.append(_Frame(is_list, event.anchor))

    def _end(self, event: Any) -> None:  # noqa: ANN401
        frame = self._stack.pop()
        value = frame.value
        if frame.anchor:
            self._anchors[frame.anchor] = value, frame.size
        self._put(value, frame.size, event)

    def _alias(self, event: Any) -> None:  # noqa: ANN401
        value, size = self._anchors.get(event.anchor, (None, 0))
        if value is _OPEN:
            raise _RefusedError(
                f"expected plain data, got *{event.anchor} inside of what it stands for", event.start_mark
            )
        if not size:
            raise _RefusedError(
                f"expected an anchor &{event.anchor} before *{event.anchor}, got none", event.start_mark
            )
        self._aliased += size
        if self._aliased > MAX_ALIASED:
            raise _RefusedError(f"expected aliases for at most {MAX_ALIASED:,} nodes, got more", event.start_mark)
        self._put(value, size, event)

    def _put(self, value: object, size: int, event: Any) -> None:  # noqa: ANN401
        if not self._stack:
            self.value = "<<" if value is _MERGE else value
            return
        frame = self._stack[-1]
        frame.size += size
        if value is _MERGE and (frame.has_key or frame.is_list):
            value = "<<"  # it means merging only where a key stands
        if frame.is_list:
            frame.items.append(value)
        elif frame.has_key:
            frame.has_key = False
            self._pair(frame, value, event)
        else:
            self._key(frame, value, event)

    def _key(self, frame: _Frame, key: object, event: Any) -> None:  # noqa: ANN401
        frame.key = key
        frame.has_key = True
        if not isinstance(key, Hashable):
            self._report("expected keys that are strings, got a collection", event)
            frame.key = None
        elif key in frame.pairs:
            self._report(f"expected each key once, got {key!r} again", event)

    def _pair(self, frame: _Frame, value: object, event: Any) -> None:  # noqa: ANN401
        if frame.key is not _MERGE:
            frame.pairs[frame.key] = value
            return
        sources = cast("list[object]", value if isinstance(value, list) else [value])
        mappings = [cast("Mapping[Any, object]", source) for source in sources if isinstance(source, Mapping)]
        if len(mappings) < len(sources):
            self._report("expected mappings to merge, got something else", event)
        frame.merged += mappings

    def _scalar(self, event: Any) -> object:  # noqa: ANN401
        text = cast("str", event.value)
        tag = cast("str | None", event.tag)
        if tag is None or tag == "!":
            return _plain(text) if event.implicit[0] and tag is None else text
        if tag in (f"{_STANDARD}str", f"{_STANDARD}timestamp", f"{_STANDARD}binary"):
            return text
        value = _typed(tag, text)
        if value is None and tag != f"{_STANDARD}null":
            self._report(f"expected plain YAML, got the tag {tag!r}", event)
        return value

    def _report(self, problem: str, event: Any) -> None:  # noqa: ANN401
        self.problems.append((self._path(), problem, event.start_mark))

    def _path(self) -> str:
        path = ""
        for frame in self._stack:
            if frame.is_list:
                path += f"[{len(frame.items)}]"
            elif frame.has_key and isinstance(frame.key, str):
                path += f".{frame.key}" if frame.key.isidentifier() else f"[{frame.key}]"
        return path.removeprefix(".")


def _plain(text: str) -> object:
    for tag, pattern in _RESOLVERS.get(text[:1], ()):
        if pattern.match(text):
            value = _typed(tag, text)
            return text if value is None and not tag.endswith(":null") else value
    return text


def _typed(tag: str, text: str) -> object:
    """The value of *text* under a standard tag; ``None`` for null, and where there is none."""
    plain = text.replace("_", "").lower()
    try:
        match tag.removeprefix(_STANDARD):
            case "bool":
                return plain in _TRUE
            case "int":
                return _integer(plain)
            case "float":
                return float(plain.replace(".inf", "inf").replace(".nan", "nan"))
            case "merge":
                return _MERGE
            case _:
                return None
    except ValueError:
        return None


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    is_octal = digits.startswith("0") and digits.isdigit() and len(digits) > 1
    return int(text, 8 if is_octal else 0)
