"""Who sends how much to which host? Rates by client and host, as callers give them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import fsum, isfinite
from typing import Any, Final, TypeAlias, cast

from attrs import evolve, field, frozen
from typing_extensions import override

from meshtier.errors import InvalidValueError, check_type
from meshtier.locality import Locality
from meshtier.mesh.clients import parse_place
from meshtier.table import Table

ANYWHERE: Final = Locality()
"""A place of which nothing is said."""

EVERYBODY: Final = "*"
"""The word for all clients."""

MOST_SHOWN: Final = 20
"""How many rates a repr or a table shows, and how many problems the text of an error."""

_PLACE: Final = Locality._fields
_OF_CLIENT: Final = ("client", "workload", "namespace", "cluster", *_PLACE)
COLUMNS: Final = (*_OF_CLIENT, "host", "rate")
"""The columns that rows of rates can have."""


@frozen(kw_only=True)
class Sender:
    """Whose traffic a rate is: of the pods that are all of what is said here.

    Attributes:
        workload: ``namespace/name`` or ``name`` of a pod or of what made it, as in
            ``shop/web``; ``""`` for any.
        cluster: Where they run; ``""`` for any.
        place: Where they are; a part that is ``""`` fits all.
    """

    workload: str = ""
    cluster: str = ""
    place: Locality = ANYWHERE

    @classmethod
    def parse(cls, text: str) -> "Sender":
        """The sender that a text names.

        Args:
            text: A workload as ``namespace/name`` or ``cluster/namespace/name``; a place
                as ``zone=a`` or ``region=r,zone=a``, with ``cluster=…`` in it or not; both as
                in ``shop/web zone=a``; or ``*`` for all clients.

        Raises:
            InvalidValueError: It is none of these.

        >>> Sender.parse("shop/web zone=a")
        Sender(workload='shop/web', cluster='', place=Locality(zone='a'))
        """
        check_type(text, str, "client")
        words = text.replace(", ", ",").split()
        places = [word for word in words if "=" in word]
        names = [word for word in words if "=" not in word and word != EVERYBODY]
        if not words or len(names) > 1 or len(places) > 1 or (EVERYBODY in words and names):
            raise InvalidValueError(f"expected a workload, a place as in zone=a, or both, got {text!r}", "client")
        cluster, place = _of_place(places[0]) if places else ("", ANYWHERE)
        parts = names[0].removeprefix("pod/").split("/") if names else []
        if len(parts) > 3 or not all(parts) or any("," in part for part in parts):
            raise InvalidValueError(f"expected a workload as namespace/name, got {names[0]!r}", "client")
        if len(parts) == 3:
            cluster, *parts = parts
        return cls(workload="/".join(parts), cluster=cluster, place=place)

    @override
    def __str__(self) -> str:
        said = {"cluster": self.cluster, **self.place._asdict()}
        place = ",".join(f"{name}={part}" for name, part in said.items() if part)
        return " ".join(filter(None, (self.workload, place))) or EVERYBODY


def _of_place(text: str) -> tuple[str, Locality]:
    items = text.split(",")
    clusters = [item.partition("=")[2] for item in items if item.startswith("cluster=")]
    rest = [item for item in items if not item.startswith("cluster=")]
    return clusters[0] if clusters else "", parse_place(",".join(rest)) if rest else ANYWHERE


@frozen(kw_only=True)
class Rate:
    """How much one sender sends to one host.

    Attributes:
        sender: Who.
        host: The full host name, or ``name.namespace`` of a Service.
        value: How much; 0 or more.
        where: Where it stood, as in ``row 3``; ``""`` if unknown.
    """

    sender: Sender
    host: str
    value: float
    where: str = ""


ClientLike: TypeAlias = str | Locality | Sender
"""What names a sender."""


def _rates(rates: Iterable[Rate]) -> tuple[Rate, ...]:
    check_type(rates, Iterable, "rates", what="several Rates")
    found = tuple(rates)
    problems: list[tuple[str, str]] = []
    for number, each in enumerate(found):
        check_type(each, Rate, f"rates[{number}]")
        if problem := rate_problem(each.value):
            problems.append((each.where or f"rates[{number}]", f"{problem} ({each.sender} to {each.host})"))
    raise_all(problems)
    return found


def rate_problem(value: object) -> str:
    """What is wrong with a rate; ``""`` if nothing is."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not (isfinite(value) and value >= 0):
        return f"expected a rate of 0 or more, got {value!r}"
    return ""


def raise_all(problems: Sequence[tuple[str, str]]) -> None:
    """Raise one error that names all problems, each with where it stood; nothing if there are none."""
    if not problems:
        return
    if len(problems) == 1:
        where, problem = problems[0]
        raise InvalidValueError(problem, where)
    shown = [f"{where}: {problem}" if where else problem for where, problem in problems[:MOST_SHOWN]]
    rest = [f"… and {len(problems) - MOST_SHOWN} more"] if len(problems) > MOST_SHOWN else []
    raise InvalidValueError("; ".join((f"{len(problems)} problems", *shown, *rest)))


@frozen(kw_only=True, repr=False)
class Traffic:
    """Rates by client and host.

    Attributes:
        rates: Each as it was given; several of one client and host add up.
        unit: What the numbers are, as in ``bytes/s`` or ``requests/s``; kept and shown,
            and read by `cost` alone.
        origin: Where they come from, for those that read the answer.
        notes: What a reader should know about them.

    Raises:
        InvalidValueError: Rates are negative, not finite or no numbers; all of them are named.

    >>> Traffic.from_mapping({("shop/web", "api.shop.svc.cluster.local"): 40}, unit="requests/s")
    <Traffic 1 rate, 40 requests/s in all>
    """

    rates: tuple[Rate, ...] = field(converter=_rates)
    unit: str = ""
    origin: str = ""
    notes: tuple[str, ...] = field(default=(), converter=tuple[str, ...])

    def __attrs_post_init__(self) -> None:
        check_type(self.unit, str, "unit")

    @classmethod
    def from_mapping(
        cls, rates: Mapping[Any, Any], *, unit: str = "", origin: str = "", per: float | None = None
    ) -> "Traffic":
        """The traffic that a mapping says.

        Args:
            rates: From ``(client, host)`` to a number; or from a client to a mapping of
                hosts to numbers. A client is what `Sender.parse` takes, a `Locality` or a `Sender`.
            unit: What the numbers are.
            origin: Where they come from.
            per: Where the numbers are what counters grew by: in how many seconds. They are
                divided by it, and ``/s`` is added to the unit.

        Raises:
            InvalidValueError: With all that is wrong.
        """
        check_type(rates, Mapping, "traffic")
        return _collected(_pairs(rates), unit=unit, origin=origin, per=per)

    @classmethod
    def from_rows(
        cls, rows: Iterable[Mapping[str, Any]], *, unit: str = "", origin: str = "", per: float | None = None
    ) -> "Traffic":
        """The traffic that rows say, each with a host, a rate and who sends.

        Args:
            rows: Records with ``host``, ``rate``, and who sends: ``client`` as `Sender.parse`
                takes it, or some of ``workload``, ``namespace``, ``cluster``, ``network``, ``region``,
                ``zone``, ``subzone`` and ``node``. What is empty or ``None`` is not said. A
                number may be text.
            unit: What the numbers are.
            origin: Where they come from.
            per: As in `from_mapping`.

        Raises:
            InvalidValueError: With all that is wrong, and in which row, from 1.
        """
        check_type(rows, Iterable, "rows", what="rows")
        numbered = ((f"row {number}", row) for number, row in enumerate(rows, start=1))
        return cls.from_numbered_rows(numbered, unit=unit, origin=origin, per=per)

    @classmethod
    def from_numbered_rows(
        cls,
        rows: Iterable[tuple[str, Mapping[str, Any]]],
        *,
        unit: str = "",
        origin: str = "",
        per: float | None = None,
    ) -> "Traffic":
        """The traffic that rows say, each with where it stands; see `from_rows`."""
        return _collected(((where, _reader(row)) for where, row in rows), unit=unit, origin=origin, per=per)

    @property
    def total(self) -> float:
        """All of it."""
        return fsum(each.value for each in self.rates)

    @property
    def unit_text(self) -> str:
        """The unit, or a word where none is given."""
        return self.unit or "units"

    def scaled(self, factor: float) -> "Traffic":
        """The same with every rate so many times as large.

        Raises:
            InvalidValueError: The factor is no number of 0 or more.
        """
        if problem := rate_problem(factor):
            raise InvalidValueError(problem.replace("rate", "factor"), "factor")
        return evolve(self, rates=[evolve(each, value=each.value * factor) for each in self.rates])

    def to_table(self, *, most: int | None = None) -> Table:
        """The rates, a row for each, in their order."""
        shown = self.rates if most is None else self.rates[:most]
        rows = [(str(each.sender), each.host, f"{each.value:g}") for each in shown]
        notes = [f"… and {len(self.rates) - len(shown)} more"] if len(shown) < len(self.rates) else []
        return Table(
            title=repr(self)[1:-1],
            columns=("client", "host", self.unit_text),
            rows=rows,
            notes=[*notes, *self.notes],
            numeric=frozenset({2}),
        )

    def _repr_html_(self) -> str:
        return self.to_table(most=MOST_SHOWN).to_html()

    @override
    def __repr__(self) -> str:
        count = f"{len(self.rates):,} rate{'s' if len(self.rates) != 1 else ''}"
        return f"<Traffic {count}, {self.total:g} {self.unit_text} in all>"


_Reader: TypeAlias = Callable[[], tuple[Sender, str, float]]


def _collected(readers: Iterable[tuple[str, _Reader]], *, unit: str, origin: str, per: float | None) -> Traffic:
    """All rates, or one error with all that is wrong."""
    divisor, unit = per_second(unit, per)
    found: list[Rate] = []
    problems: list[tuple[str, str]] = []
    for where, read in readers:
        try:
            sender, host, value = read()
        except InvalidValueError as error:
            problems.append((where, str(error)))
        else:
            found.append(Rate(sender=sender, host=host, value=value / divisor, where=where))
    raise_all(problems)
    return Traffic(rates=found, unit=unit, origin=origin)


def per_second(unit: str, per: float | None) -> tuple[float, str]:
    """By what numbers are divided, and their unit then.

    Raises:
        InvalidValueError: *per* is no time, or the unit says already that it is of a second.
    """
    check_type(unit, str, "unit")
    if per is None:
        return 1.0, unit
    if isinstance(per, bool) or not isinstance(per, int | float) or not (isfinite(per) and per > 0):
        raise InvalidValueError(f"expected a time in seconds of more than 0, got {per!r}", "per")
    if unit.endswith("/s"):
        raise InvalidValueError(f"expected what counters grew by, got rates in {unit}: these are not divided", "per")
    return float(per), f"{unit}/s" if unit else ""


def _pairs(rates: Mapping[Any, Any]) -> Iterator[tuple[str, _Reader]]:
    for key, value in rates.items():
        if isinstance(value, Mapping):
            for host, rate in cast("Mapping[object, object]", value).items():
                yield f"traffic[{key!r}][{host!r}]", _entry(key, host, rate)
            continue
        where, shown = f"traffic[{key!r}]", repr(key)
        is_pair = isinstance(key, tuple) and not isinstance(key, Locality)
        pair = cast("tuple[object, ...]", key) if is_pair else ()
        yield where, _entry(pair[0], pair[1], value) if len(pair) == 2 else _refused(shown)


def _refused(shown: str) -> _Reader:
    def read() -> tuple[Sender, str, float]:
        raise InvalidValueError(f"expected (client, host), got {shown}")

    return read


def _entry(client: object, host: object, rate: object) -> _Reader:
    return lambda: (_sender(client), _host(host), _number(rate))


def _sender(client: object) -> Sender:
    if isinstance(client, Sender):
        return client
    if isinstance(client, Locality):
        return Sender(place=client)
    if not isinstance(client, str):
        raise InvalidValueError(f"expected a client, got {client!r}")
    return Sender.parse(client)


def _host(host: object) -> str:
    if not isinstance(host, str) or not host.strip():
        raise InvalidValueError(f"expected a host, got {host!r}")
    return host.strip()


def _number(value: object) -> float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise InvalidValueError(f"expected a rate of 0 or more, got {value!r}") from None
    if problem := rate_problem(value):
        raise InvalidValueError(problem)
    return float(value)  # type: ignore[arg-type]  # rate_problem has looked


def _reader(row: object) -> _Reader:
    def read() -> tuple[Sender, str, float]:
        if not isinstance(row, Mapping):
            raise InvalidValueError(f"expected a record with host, rate and who sends, got {row!r}")
        given = cast("Mapping[str, Any]", row)
        said = {key: value for key, value in given.items() if value is not None and value != ""}
        if unknown := [key for key in said if key not in COLUMNS]:
            raise InvalidValueError(f"expected some of {', '.join(COLUMNS)}, got {', '.join(map(repr, unknown))}")
        if not any(name in said for name in _OF_CLIENT):
            raise InvalidValueError(f"expected who sends, as one of {', '.join(_OF_CLIENT)}, got none")
        return _row_sender(said), _host(said.get("host")), _number(said.get("rate"))

    return read


def _row_sender(said: Mapping[str, Any]) -> Sender:
    if "client" in said:
        if "workload" in said:
            raise InvalidValueError("expected client or workload, got both")
        base = _sender(said["client"])
    else:
        base = Sender(workload=_text(said, "workload"))
    workload = base.workload
    if namespace := _text(said, "namespace"):
        if not workload or "/" in workload:
            raise InvalidValueError(f"expected a namespace beside the bare name of a workload, got {workload!r}")
        workload = f"{namespace}/{workload}"
    place = Locality(*(_text(said, name) or part for name, part in zip(_PLACE, base.place, strict=True)))
    return Sender(workload=workload, cluster=_text(said, "cluster") or base.cluster, place=place)


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name, "")
    if not isinstance(value, str):
        raise InvalidValueError(f"expected a name in {name}, got {value!r}")
    return value.strip()
