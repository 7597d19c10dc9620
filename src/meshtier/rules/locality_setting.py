"""Where should traffic go first, and where next? The blocks of a DestinationRule that say so.

Constructors take anything of the right shape, as Istio's control plane does
when its validation is off; ``read`` refuses what that validation refuses:
istio/istio pkg/config/validation/agent/validation.go, ValidateLocalityLbSetting
and ValidateZoneAwareLbSetting, at 86c9f01.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Final, TypeAlias, cast

from attrs import field, frozen
from typing_extensions import override

from meshtier.errors import InvalidValueError
from meshtier.locality import SCOPE_LABELS, Scope
from meshtier.profile import Profile, RuleMixing
from meshtier.rules.block import FLAG, NAME, TEXTS, Block, Kind, at, blocks, in_manifest
from meshtier.rules.fields import MAX_UINT32, FieldReader
from meshtier.rules.kept import NOTHING_KEPT, Kept, shown

ANYWHERE: Final = "*"
PLACE_LABELS: Final = frozenset(SCOPE_LABELS[scope] for scope in (Scope.REGION, Scope.ZONE, Scope.SUBZONE))
"""The labels that Istio's validation keeps out of a failoverPriority beside ``failover``."""

_LISTS: Final = {"distribute": "distribute", "failover": "failover", "failoverPriority": "failover_priority"}

Weights: TypeAlias = Mapping[str, int] | Iterable[tuple[str, int]]


def split_place(text: str) -> tuple[str, str, str]:
    """Region, zone and subzone of a locality or of a pattern; what follows a third slash is ignored.

    >>> split_place("r1/*")
    ('r1', '*', '')
    """
    region, zone, subzone, *_ = *text.split("/"), "", "", ""
    return region, zone, subzone


def matches_place(pattern: str, place: Sequence[str]) -> bool:
    """Whether a ``from`` or ``to`` pattern of distribute matches (region, zone, subzone) (DR-6).

    ``*`` stands for any one part; an empty zone or subzone for any, an empty
    region only for an unknown one.

    Source: istio/istio pilot/pkg/networking/util/util.go, LocalityMatch, at 86c9f01.

    >>> matches_place("r1/*", ("r1", "z1", "s1")), matches_place("r1/z2", ("r1", "z1", "s1"))
    (True, False)
    """
    region, zone, subzone = split_place(pattern)
    return region in (ANYWHERE, place[0]) and zone in (ANYWHERE, "", place[1]) and subzone in (ANYWHERE, "", place[2])


@frozen(kw_only=True)
class Failover(Block):
    """One region's substitute.

    Attributes:
        from_region: The client's region that it is for.
        to_region: The region that comes before all other foreign ones.
        extra: Fields that were not understood.
    """

    from_region: str = field(metadata=in_manifest("from", NAME))
    to_region: str = field(metadata=in_manifest("to", NAME))
    extra: Kept = NOTHING_KEPT

    @override
    def check(self, reader: FieldReader) -> None:
        if self.from_region == self.to_region:
            problem = f"expected two different regions in from and to, got {shown(self.from_region)} twice"
            reader.doubt("failover-to-itself", "", problem)
        for key, region in (("from", self.from_region), ("to", self.to_region)):
            if "/" in region or ANYWHERE in region:
                problem = f"expected a region, without '/' and '*', got {shown(region)}"
                reader.doubt("failover-no-region", key, problem)


def _weights(value: Weights) -> tuple[tuple[str, int], ...]:
    if isinstance(value, Mapping):
        return tuple(cast("Mapping[str, int]", value).items())
    return tuple(value)


def _read_weights(reader: FieldReader, key: str) -> tuple[tuple[str, int], ...]:
    """Each pattern with its weight; with 0 if that could not be read."""
    to = reader.section(key)
    return () if to is None else tuple((name, _read_weight(to, name)) for name in to.names())


def _read_weight(reader: FieldReader, key: str) -> int:
    expected = "an integer from 1 to 100"
    weight = cast("int | None", reader.take(key, int, expected))
    if weight is None or 1 <= weight <= 100:
        return weight or 0
    problem = f"expected {expected}, got {shown(weight)}"
    if 0 <= weight <= MAX_UINT32:
        reader.doubt("distribute-weight", key, problem)
        return weight
    reader.refuse(key, problem)
    return 0


@frozen(kw_only=True)
class Distribute(Block):
    """How the traffic of some clients is divided among localities (DR-6).

    Attributes:
        origin: The manifest's ``from``: which clients.
        to: Locality patterns, each with its weight.
        extra: Fields that were not understood.
    """

    origin: str = field(metadata=in_manifest("from", NAME))
    to: tuple[tuple[str, int], ...] = field(converter=_weights, metadata=in_manifest("to", Kind(_read_weights, dict)))
    extra: Kept = NOTHING_KEPT

    @override
    def check(self, reader: FieldReader) -> None:
        _check_pattern(reader, "from", self.origin)
        for pattern, _ in self.to:
            _check_pattern(reader, "to", pattern)
        total = sum(weight for _, weight in self.to)
        # With a weight that is none, the sum would be a second report of one mistake.
        if all(1 <= weight <= 100 for _, weight in self.to) and total != 100:
            reader.doubt("distribute-sum", "to", f"expected weights that add up to 100, got {total}")
        _check_targets(reader, [pattern for pattern, _ in self.to])


@frozen(kw_only=True)
class LocalitySetting(Block):
    """Istio's ``localityLbSetting`` (DR-2 to DR-7).

    Attributes:
        enabled: ``False`` puts every endpoint in one level; ``None`` counts as true.
        failover: Substitute regions, the first for a region holding.
        failover_priority: Labels, or ``label=value``, the most important first.
        distribute: Shares by locality, the first matching ``from`` holding.
        extra: Fields that were not understood.
    """

    enabled: bool | None = at("enabled", FLAG)
    failover: tuple[Failover, ...] = field(
        default=(), converter=tuple[Failover, ...], metadata=in_manifest("failover", blocks(Failover))
    )
    failover_priority: tuple[str, ...] = field(
        default=(), converter=tuple[str, ...], metadata=in_manifest("failoverPriority", TEXTS)
    )
    distribute: tuple[Distribute, ...] = field(
        default=(), converter=tuple[Distribute, ...], metadata=in_manifest("distribute", blocks(Distribute))
    )
    extra: Kept = NOTHING_KEPT

    @property
    def lists(self) -> tuple[str, ...]:
        """Which of distribute, failover and failoverPriority it has, in this order (DR-2)."""
        return tuple(key for key, name in _LISTS.items() if getattr(self, name))

    @override
    def check(self, reader: FieldReader) -> None:
        if self.distribute and self.failover:
            problem = "expected only one of distribute and failover, got both; Istio's validation refuses that"
            reader.doubt("distribute-beside-failover", "", problem)
        if self.failover:
            _check_labels(reader, self.failover_priority, " beside failover,")
        _check_origins(reader, [rule.origin for rule in self.distribute])
        _note_overrides(reader, self.failover_priority)


@frozen(kw_only=True)
class ZoneAwareSetting(Block):
    """Istio's ``zoneAwareLbSetting``: Envoy evens out the zones of the client's own region.

    Attributes:
        enabled: ``False`` switches even Envoy's own zone awareness off; ``None`` counts as true.
        min_cluster_size: Fewer endpoints than this, and zones play no part; unset means Envoy's 6.
        failover: Substitute regions, the first for a region holding.
        failover_priority: Labels, or ``label=value``, compared before the regions.
        extra: Fields that were not understood.
    """

    enabled: bool | None = at("enabled", FLAG)
    min_cluster_size: int | None = at("minClusterSize", Kind[int](lambda reader, key: reader.integer(key, least=1)))
    failover: tuple[Failover, ...] = field(
        default=(), converter=tuple[Failover, ...], metadata=in_manifest("failover", blocks(Failover))
    )
    failover_priority: tuple[str, ...] = field(
        default=(), converter=tuple[str, ...], metadata=in_manifest("failoverPriority", TEXTS)
    )
    extra: Kept = NOTHING_KEPT

    @override
    def check(self, reader: FieldReader) -> None:
        _check_labels(reader, self.failover_priority, ", which zone awareness sees to itself,")
        _note_overrides(reader, self.failover_priority)


def check_mixing(setting: LocalitySetting, profile: Profile, *, path: str = "localityLbSetting") -> None:
    """Refuse blocks that *profile* does not let stand together (DR-2).

    It depends on the profile, so it is asked when a rule is applied, and not
    when it is read: the caller tells its user of the error beside the route.

    Raises:
        InvalidValueError: The profile takes only one of distribute, failover
            and failoverPriority, and the setting has more.

    >>> from meshtier.profile import SOLO
    >>> check_mixing(LocalitySetting(failover_priority=["topology.istio.io/network"]), SOLO)
    """
    present = setting.lists
    match profile.rule_mixing:
        case RuleMixing.EXCLUSIVE if len(present) > 1:
            raise InvalidValueError(
                f"expected one of {', '.join(_LISTS)} under profile {profile.name}, got {' and '.join(present)}", path
            )
        case RuleMixing.EXCLUSIVE | RuleMixing.REFINE:
            return


def _check_labels(reader: FieldReader, entries: Sequence[str], why: str) -> None:
    if taken := [entry for entry in entries if entry in PLACE_LABELS]:
        reader.doubt(
            "failover-priority-places",
            "failoverPriority",
            f"expected none of the labels of region, zone and subzone{why} got {', '.join(taken)};"
            " Istio's validation refuses that",
        )


def _check_pattern(reader: FieldReader, key: str, pattern: str) -> None:
    parts = pattern.split("/")
    if not all(parts[:3]):
        problem = f"expected 'region/zone/subzone' without empty parts, got {shown(pattern)}"
        reader.doubt("distribute-empty-part", key, problem)
    elif pattern.count(ANYWHERE) > 1 or (ANYWHERE in pattern and not pattern.endswith(ANYWHERE)):
        reader.doubt("distribute-wildcard", key, f"expected at most one '*', at the end, got {shown(pattern)}")
    elif ANYWHERE in pattern and parts[-1] != ANYWHERE:
        reader.note("wildcard-in-part", key, f"in {pattern!r} the '*' is no wildcard; only a whole part can be one")
    if len(parts) > 3:
        reader.note("place-too-long", key, f"what follows the third '/' of {pattern!r} is ignored")


def _check_targets(reader: FieldReader, patterns: Sequence[str]) -> None:
    for first, second in combinations(patterns, 2):
        if _overlap(split_place(first), split_place(second)):
            reader.doubt(
                "distribute-overlap",
                "to",
                f"expected patterns of which at most one matches any locality, got {shown(first)} and {shown(second)};"
                " which of the two Istio would apply depends on the random order of a map",
            )


def _overlap(first: Sequence[str], second: Sequence[str]) -> bool:
    return all(
        one == other or ANYWHERE in (one, other) or (level > 0 and "" in (one, other))
        for level, (one, other) in enumerate(zip(first, second, strict=True))
    )


def _check_origins(reader: FieldReader, origins: Sequence[str]) -> None:
    for place, origin in enumerate(origins):
        for earlier in origins[:place]:
            if _covers(earlier.split("/", 2), origin.split("/", 2)):
                reader.doubt(
                    "distribute-origins",
                    f"distribute[{place}].from",
                    f"expected no overlap with the earlier {shown(earlier)}, got {shown(origin)}; Istio's validation"
                    " refuses that, and takes a wider pattern after a narrower one only if it ends in '*'",
                )
                break


def _covers(earlier: Sequence[str], later: Sequence[str]) -> bool:
    # Not the same as _overlap: an explicit "*" may follow a narrower pattern, a shortened one may not.
    # istio/istio pkg/config/validation/agent/validation.go, validateLocalities, at 86c9f01.
    for one, other in zip(earlier, later, strict=False):
        if one == ANYWHERE:
            return True
        if one != other:
            return False
    return True


def _note_overrides(reader: FieldReader, entries: Sequence[str]) -> None:
    for entry in entries:
        if entry.count("=") > 1:
            label = entry.partition("=")[0]
            text = f"{entry!r} has more than one '=' and is no override;"
            text += f" it compares the label {label!r} with the client's"
            reader.note("override-malformed", "failoverPriority", text)
