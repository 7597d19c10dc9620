"""What did the caller hand over? Files, folders, standard input and plain data, each as its objects."""

import io
import mmap
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, cast

from attrs import define, field

from meshtier.errors import InvalidValueError, MissingExtraError, Problem
from meshtier.kube import jsontext
from meshtier.kube.decode import in_short, is_mapping
from meshtier.kube.documents import Document, Findings, Progress
from meshtier.kube.json_lines import JsonLines
from meshtier.kube.objects import SourceObjects, fast_decoder
from meshtier.kube.text import MAX_BYTES, MAX_LINE, Format, Text, check_beginning, check_lines, format_of, unwrapped
from meshtier.mesh.snapshot import Objects

STDIN: Final = "-"
"""The name of standard input as a source."""

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
"""The files that are read of a folder."""

KUSTOMIZATIONS: Final = frozenset({"kustomization.yaml", "kustomization.yml", "kustomization"})
"""The names that kustomize gives a meaning (sigs.k8s.io/kustomize, konfig.RecognizedKustomizationFileNames)."""

_TEMPLATE: Final = re.compile(rb"\{\{-?\s*[.$\w/]")
"""How the actions of Go templates begin, which no manifest holds in earnest."""

Given = Objects
"""What a source may be."""

Clusters = Mapping[str, Given | Sequence[Given]] | Iterable[tuple[str, Given | Sequence[Given]]]
"""The clusters that the caller names, each with its source or sources."""

_DIVISION: Final = re.compile(rb"\n---[ \t\r\n]")
"""What divides documents of YAML, and has no place in JSON; sought within the first `MAX_LINE` bytes."""


@define
class SourceReader:
    """Reads sources, one after the other, and never stops at a problem.

    Attributes:
        stdin: What ``-`` means; ``None`` for the process's own standard input.
        progress: Told of each source as its reading begins.
    """

    stdin: IO[str] | IO[bytes] | None = None
    progress: Progress | None = None
    _seen: set[str] = field(factory=set[str], init=False)

    def read(self, given: Given, cluster: str | None = None) -> Iterator[SourceObjects]:
        """Each source that *given* stands for: every file of a folder is one."""
        if isinstance(given, io.IOBase):
            yield self._open_file(given)
            return
        if not isinstance(given, (str, os.PathLike)):
            yield self._data(given, cluster)
            return
        try:
            files = _files(given)
        except (InvalidValueError, OSError) as error:
            name = os.fsdecode(given)
            yield _refused(SourceObjects("" if "\n" in name else name, cluster), error)
            return
        for name, path in files.items():
            yield self._file(name, path, cluster)

    def read_all(
        self, sources: Iterable[Given], clusters: Clusters | None
    ) -> tuple[list[SourceObjects], list[Problem]]:
        """The sources that the caller gives names to, then the others, with all their problems."""
        problems: list[Problem] = []
        found = [source for name, given in _named(clusters, problems) for source in self.read(given, name)]
        found += [source for given in sources for source in self.read(given)]
        return found, [*problems, *(problem for source in found for problem in source.problems)]

    def _data(self, given: object, cluster: str | None) -> SourceObjects:
        source = SourceObjects(cluster=cluster)
        self._tell("")
        if is_mapping(given):
            source.take(Document(1, given), is_only=True)
        elif isinstance(given, Iterable) and not isinstance(given, (bytes, bytearray)):
            for number, each in enumerate(cast("Iterable[object]", given), 1):
                source.take(Document(number, each))
        else:
            source.refuse(Problem(problem=f"expected a path, a mapping or some mappings, got {in_short(given)}"))
        return source

    @staticmethod
    def _open_file(given: object) -> SourceObjects:
        source = SourceObjects()
        name = getattr(given, "name", None)
        path = f"its path {name!r}" if isinstance(name, str) else "its path"
        source.refuse(Problem(problem=f"expected a path, got an open file; give {path}, or '-' and stdin=…"))
        return source

    def _file(self, name: str, path: Path | None, cluster: str | None) -> SourceObjects:
        source = SourceObjects(name, cluster)
        self._tell(name)
        try:
            self._check_once(name if path is None else str(path.resolve()))
            data = _drain(self.stdin or sys.stdin.buffer) if path is None else _contents(path)
            _parse(source, data, JsonLines(_again(path, data), fast_decoder))
        except (InvalidValueError, OSError) as error:
            return _refused(source, error)
        if source.problems and (what := _unrendered(path, data)):
            return _refused(SourceObjects(name, cluster), InvalidValueError(what))
        if source.is_blank and not source.problems:
            source.refuse(Problem(problem="expected Kubernetes objects, got none"))
        return source

    def _check_once(self, name: str) -> None:
        if name in self._seen:
            what = "standard input" if name == STDIN else "each file"
            raise InvalidValueError(f"expected {what} once among the sources, got it again")
        self._seen.add(name)

    def _tell(self, name: str) -> None:
        if self.progress is not None:
            self.progress(name)


def _named(clusters: Clusters | None, problems: list[Problem]) -> Iterator[tuple[str, Given]]:
    """The named sources one by one; a name that comes twice is a problem."""
    pairs = cast("Mapping[str, Given]", clusters).items() if isinstance(clusters, Mapping) else clusters or ()
    seen: set[str] = set()
    for name, given in pairs:
        if not name:
            problems.append(Problem(problem="expected a name for the cluster, got ''"))
        elif name in seen:
            text = f"expected one cluster of the name {name!r}, got two from the caller"
            problems.append(Problem(problem=f"{text}; put the files of one cluster in a folder, and give that"))
        else:
            seen.add(name)
            for each in _each(given):
                yield name, each


def _each(given: Given | Sequence[Given]) -> Sequence[Given]:
    """The sources that stand for one cluster: several in a list, unless that is one of plain objects."""
    if not isinstance(given, (list, tuple)):
        return (cast("Given", given),)
    several = cast("Sequence[Given]", given)
    return several if any(isinstance(each, (str, os.PathLike)) for each in several) else (cast("Given", given),)


def _unrendered(path: Path | None, data: Text) -> str:
    """What a file is that only looks like manifests, and what to give instead; ``""`` if it does not."""
    if path is not None and path.name.lower() in KUSTOMIZATIONS:
        return "expected Kubernetes objects, got a kustomization: build it first, as with `kubectl kustomize FOLDER`"
    if _TEMPLATE.search(data, 0, MAX_LINE):
        return "expected Kubernetes objects, got a template with {{ … }}: render it first, as with `helm template`"
    return ""


def _refused(source: SourceObjects, error: InvalidValueError | OSError) -> SourceObjects:
    if isinstance(error, InvalidValueError):
        source.refuse(Problem(problem=error.problem))
    else:
        source.refuse(Problem(problem=f"expected a file that can be read: {error.strerror or error}"))
    return source


def _files(given: str | os.PathLike[str]) -> dict[str, Path | None]:
    """The files that a path stands for, by the names that messages use; ``None`` is standard input.

    Raises:
        InvalidValueError: It is no path, or a folder without a manifest in it.
    """
    if given == STDIN:
        return {STDIN: None}
    path = Path(given)
    if "\n" in str(path):
        raise InvalidValueError(
            "expected a path, got text; give the objects themselves, as yaml.safe_load_all makes them of it,"
            " or '-' and stdin=io.StringIO(text)"
        )
    if "\0" in str(path):
        raise InvalidValueError("expected a path, got one with a null byte in it")
    if not path.is_dir():
        return {str(path): path}
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    if not found:
        suffixes = ", ".join(f"*{suffix}" for suffix in sorted(SUFFIXES))
        raise InvalidValueError(f"expected a folder with {suffixes} in it, got one without")
    return {str(file): file for file in found}


def _contents(path: Path) -> Text:
    with path.open("rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return _drain(file)  # a pipe, as the shell makes it for <(kubectl …)
        beginning = file.read(MAX_LINE + 1)
        check_beginning(_unwrapped_part(beginning))
        if len(beginning) <= MAX_LINE:
            return beginning
        size = os.fstat(file.fileno()).st_size
        if size > MAX_BYTES:
            raise InvalidValueError(f"expected at most {MAX_BYTES:,} bytes, got {size:,}")
        # Mapped and not read: of loading a dump of 800 MB a fifth of the time is saved, and all that memory.
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _again(path: Path | None, data: Text) -> Callable[[], Text | None]:
    """Gives a text once more, later: it is read again if it is long and in a file that nobody has changed since."""
    if len(data) <= MAX_LINE and isinstance(data, bytes):
        return lambda: unwrapped(data)
    if path is None:
        return lambda: None
    known = path.stat()

    def read() -> Text | None:
        try:
            now = path.stat()
            is_same = (now.st_size, now.st_mtime_ns) == (known.st_size, known.st_mtime_ns)
            return unwrapped(_contents(path)) if is_same else None
        except (InvalidValueError, OSError):
            return None

    return read


def _drain(stream: IO[Any]) -> bytes:
    """All that a stream holds, checked as soon as its beginning is there."""
    chunks: list[bytes] = []
    size = 0
    is_checked = False
    while True:
        chunk: str | bytes = stream.read(MAX_LINE + 1)
        data = chunk.encode(errors="surrogatepass") if isinstance(chunk, str) else chunk or b""
        chunks.append(data)
        size += len(data)
        if not is_checked and (size > MAX_LINE or not data):
            is_checked = True
            check_beginning(_unwrapped_part(b"".join(chunks)))
        if not data:
            return b"".join(chunks)
        if size > MAX_BYTES:
            raise InvalidValueError(f"expected at most {MAX_BYTES:,} bytes, got more")


def _unwrapped_part(beginning: bytes) -> bytes:
    """The beginning of a text as `unwrapped` gives the whole; half a character at its end is no fault."""
    if beginning[:2] in (b"\xff\xfe", b"\xfe\xff"):
        beginning = beginning[: len(beginning) // 4 * 4 - 2] if len(beginning) > MAX_LINE else beginning
    return unwrapped(beginning)[:]


def _parse(source: SourceObjects, found: Text, lines: JsonLines) -> None:
    data = unwrapped(found)
    if format_of(data) is Format.JSON and not _DIVISION.search(data, 0, MAX_LINE):
        source.json_lines = lines
        source.take_json(data)
        return
    check_lines(data)
    try:
        text = data[:].decode()
    except UnicodeDecodeError as error:
        raise InvalidValueError(jsontext.not_utf8(error)) from None
    for document in yaml_documents(text):
        source.take(document)


def yaml_documents(text: str) -> Findings:
    """The documents of a YAML text.

    Raises:
        MissingExtraError: PyYAML is not installed.
    """
    try:
        from meshtier.kube import yamltext  # noqa: PLC0415  # the extra may be missing
    except ModuleNotFoundError:
        raise MissingExtraError("yaml", "reading YAML") from None
    return yamltext.documents(text)
