"""Where should traffic go first, and where next? The blocks of a DestinationRule that say so.

Constructors take anything of the right shape, as Istio's control plane does
when its validation is off; the ``read`` methods refuse what that validation
refuses.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Final, TypeAlias, cast

from attrs import field, frozen

from meshtier.errors import InvalidValueError
from meshtier.locality import SCOPE_LABELS, Scope
from meshtier.profile import Profile, RuleMixing
from meshtier.rules.fields import NOTHING_KEPT, Kept, Reader, shown

ANYWHERE: Final = "*"
PLACE_LABELS: Final = frozenset(SCOPE_LABELS[scope] for scope in (Scope.REGION, Scope.ZONE, Scope.SUBZONE))
"""The labels that Istio's validation keeps out of a failoverPriority beside ``failover``."""

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
class Failover:
    """One region's substitute.

    Attributes:
        from_region: The client's region that it is for.
        to_region: The region that comes before all other foreign ones.
    """

    from_region: str
    to_region: str


def _weights(value: Weights) -> tuple[tuple[str, int], ...]:
    if isinstance(value, Mapping):
        return tuple(cast("Mapping[str, int]", value).items())
    return tuple(value)


@frozen(kw_only=True)
class Distribute:
    """How the traffic of some clients is divided among localities (DR-6).

    Attributes:
        origin: The manifest's ``from``: which clients.
        to: Locality patterns, each with its weight.
    """

    origin: str
    to: tuple[tuple[str, int], ...] = field(converter=_weights)


@frozen(kw_only=True)
class LocalitySetting:
    """Istio's ``localityLbSetting`` (DR-2 to DR-7).

    Attributes:
        enabled: ``False`` puts every endpoint in one level; ``None`` counts as true.
        failover: Substitute regions, the first for a region holding.
        failover_priority: Labels, or ``label=value``, the most important first.
        distribute: Shares by locality, the first matching ``from`` holding.
        extra: Fields that were not understood.
    """

    enabled: bool | None = None
    failover: tuple[Failover, ...] = field(default=(), converter=tuple[Failover, ...])
    failover_priority: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    distribute: tuple[Distribute, ...] = field(default=(), converter=tuple[Distribute, ...])
    extra: Kept = NOTHING_KEPT

    @classmethod
    def read(cls, reader: Reader) -> "LocalitySetting":
        """The block in *reader*; what Istio's validation refuses goes to its report."""
        found = cls(
            enabled=reader.flag("enabled"),
            failover=_read_failovers(reader),
            failover_priority=reader.texts("failoverPriority"),
            distribute=tuple(_read_distribute(part) for part in reader.sections("distribute")),
            extra=reader.rest(),
        )
        if found.distribute and found.failover:
            reader.refuse("", "expected only one of distribute and failover, got both; Istio's validation refuses that")
        if found.failover and (taken := [key for key in found.failover_priority if key in PLACE_LABELS]):
            reader.refuse(
                "failoverPriority",
                f"expected none of the labels of region, zone and subzone beside failover, got {', '.join(taken)};"
                " Istio's validation refuses that",
            )
        _check_origins(reader, [rule.origin for rule in found.distribute])
        _note_overrides(reader, found.failover_priority)
        return found

    def to_mapping(self) -> dict[str, object]:
        """The block as plain data; what is not set is left out."""
        fields: dict[str, object | None] = {
            "enabled": self.enabled,
            "failover": _failovers_to_plain(self.failover),
            "failoverPriority": list(self.failover_priority) or None,
            "distribute": [{"from": rule.origin, "to": dict(rule.to)} for rule in self.distribute] or None,
            **self.extra.to_plain(),
        }
        return {name: value for name, value in fields.items() if value is not None}


@frozen(kw_only=True)
class ZoneAwareSetting:
    """Istio's ``zoneAwareLbSetting``: Envoy evens out the zones of the client's own region.

    Attributes:
        enabled: ``False`` switches even Envoy's own zone awareness off; ``None`` counts as true.
        min_cluster_size: Fewer endpoints than this, and zones play no part; unset means Envoy's 6.
        failover: Substitute regions, the first for a region holding.
        failover_priority: Labels, or ``label=value``, compared before the regions.
        extra: Fields that were not understood.
    """

    enabled: bool | None = None
    min_cluster_size: int | None = None
    failover: tuple[Failover, ...] = field(default=(), converter=tuple[Failover, ...])
    failover_priority: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    extra: Kept = NOTHING_KEPT

    @classmethod
    def read(cls, reader: Reader) -> "ZoneAwareSetting":
        """The block in *reader*; what Istio's validation refuses goes to its report."""
        found = cls(
            enabled=reader.flag("enabled"),
            min_cluster_size=reader.integer("minClusterSize", least=1),
            failover=_read_failovers(reader),
            failover_priority=reader.texts("failoverPriority"),
            extra=reader.rest(),
        )
        if taken := [key for key in found.failover_priority if key in PLACE_LABELS]:
            reader.refuse(
                "failoverPriority",
                "expected none of the labels of region, zone and subzone, which zone awareness sees to itself,"
                f" got {', '.join(taken)}; Istio's validation refuses that",
            )
        _note_overrides(reader, found.failover_priority)
        return found

    def to_mapping(self) -> dict[str, object]:
        """The block as plain data; what is not set is left out."""
        fields: dict[str, object | None] = {
            "enabled": self.enabled,
            "minClusterSize": self.min_cluster_size,
            "failover": _failovers_to_plain(self.failover),
            "failoverPriority": list(self.failover_priority) or None,
            **self.extra.to_plain(),
        }
        return {name: value for name, value in fields.items() if value is not None}


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
    blocks = {
        "distribute": setting.distribute,
        "failover": setting.failover,
        "failoverPriority": setting.failover_priority,
    }
    present = [name for name, block in blocks.items() if block]
    match profile.rule_mixing:
        case RuleMixing.EXCLUSIVE if len(present) > 1:
            raise InvalidValueError(
                f"expected one of {', '.join(blocks)} under profile {profile.name}, got {' and '.join(present)}", path
            )
        case RuleMixing.EXCLUSIVE | RuleMixing.REFINE:
            return


def _read_failovers(reader: Reader) -> tuple[Failover, ...]:
    return tuple(_read_failover(part) for part in reader.sections("failover"))


def _read_failover(reader: Reader) -> Failover:
    found = Failover(from_region=reader.text("from") or "", to_region=reader.text("to") or "")
    reader.rest()
    if found.from_region == found.to_region:
        reader.refuse("", f"expected two different regions in from and to, got {shown(found.from_region)} twice")
    for key, region in (("from", found.from_region), ("to", found.to_region)):
        if "/" in region or ANYWHERE in region:
            reader.refuse(key, f"expected a region, without '/' and '*', got {shown(region)}")
    return found


def _failovers_to_plain(failovers: Sequence[Failover]) -> list[dict[str, str]] | None:
    return [{"from": failover.from_region, "to": failover.to_region} for failover in failovers] or None


def _read_distribute(reader: Reader) -> Distribute:
    origin, to = reader.text("from") or "", reader.section("to")
    reader.rest()
    _check_pattern(reader, "from", origin)
    weights: list[tuple[str, int]] = []
    complete = True
    to = to or Reader({}, reader.report, reader.path_of("to"))
    for pattern in to.names():
        weight = to.integer(pattern, least=1, most=100)
        _check_pattern(reader, "to", pattern)
        complete = complete and weight is not None
        weights.append((pattern, weight or 0))
    total = sum(weight for _, weight in weights)
    if complete and total != 100:  # with a weight unread, the sum would be a second report of one mistake
        reader.refuse("to", f"expected weights that add up to 100, got {total}")
    _check_targets(reader, [pattern for pattern, _ in weights])
    return Distribute(origin=origin, to=weights)


def _check_pattern(reader: Reader, key: str, pattern: str) -> None:
    parts = pattern.split("/")
    if not all(parts[:3]):
        reader.refuse(key, f"expected 'region/zone/subzone' without empty parts, got {shown(pattern)}")
    elif pattern.count(ANYWHERE) > 1 or (ANYWHERE in pattern and not pattern.endswith(ANYWHERE)):
        reader.refuse(key, f"expected at most one '*', at the end, got {shown(pattern)}")
    elif ANYWHERE in pattern and parts[-1] != ANYWHERE:
        reader.report.note(
            "wildcard-in-part",
            f"{reader.path_of(key)}: in {pattern!r} the '*' is no wildcard; only a whole part can be one",
        )
    if len(parts) > 3:
        reader.report.note(
            "place-too-long", f"{reader.path_of(key)}: what follows the third '/' of {pattern!r} is ignored"
        )


def _check_targets(reader: Reader, patterns: Sequence[str]) -> None:
    for first, second in combinations(patterns, 2):
        if _overlap(split_place(first), split_place(second)):
            reader.refuse(
                "to",
                f"expected patterns of which at most one matches any locality, got {shown(first)} and {shown(second)};"
                " which of the two Istio would apply depends on the random order of a map",
            )


def _overlap(first: Sequence[str], second: Sequence[str]) -> bool:
    return all(
        one == other or ANYWHERE in (one, other) or (level > 0 and "" in (one, other))
        for level, (one, other) in enumerate(zip(first, second, strict=True))
    )


def _check_origins(reader: Reader, origins: Sequence[str]) -> None:
    for place, origin in enumerate(origins):
        for earlier in origins[:place]:
            if _covers(earlier.split("/", 2), origin.split("/", 2)):
                reader.refuse(
                    f"distribute[{place}].from",
                    f"expected no overlap with the earlier {shown(earlier)}, got {shown(origin)}; Istio's validation"
                    " refuses that, and takes a wider pattern after a narrower one only if it ends in '*'",
                )
                break


def _covers(earlier: Sequence[str], later: Sequence[str]) -> bool:
    # Not the same as _overlap: an explicit "*" may follow a narrower pattern, a
    # shortened one may not. Source: istio/istio pkg/config/validation/agent/
    # validation.go, validateLocalities, at 86c9f01.
    if earlier[0] == ANYWHERE:
        return True
    if earlier[0] != later[0]:
        return False
    if len(earlier) == 1 or len(later) == 1 or earlier[1] == ANYWHERE:
        return True
    if earlier[1] != later[1]:
        return False
    return len(earlier) == 2 or len(later) == 2 or earlier[2] in (ANYWHERE, later[2])


def _note_overrides(reader: Reader, entries: Sequence[str]) -> None:
    for entry in entries:
        if entry.count("=") > 1:
            label = entry.partition("=")[0]
            reader.report.note(
                "override-malformed",
                f"{reader.path_of('failoverPriority')}: {entry!r} has more than one '=' and is no override;"
                f" it compares the label {label!r} with the client's",
            )
