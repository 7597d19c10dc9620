"""Whose rules, and of which version? Every difference between versions, as data.

A profile is read by the rules; no code asks which profile it has.
"""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final

from attrs import asdict, evolve, field, frozen
from typing_extensions import override

from meshtier.distribution import MODE_ALIASES, MODE_NAMES, TrafficDistribution
from meshtier.errors import InvalidValueError, check_int
from meshtier.locality import SCOPES, Scope
from meshtier.table import Table


class CrossNetwork(enum.Enum):
    """What a different network means where the network is the first thing compared."""

    FLAT = "flat"  # it ends the comparison: other networks share the last tier (TIER-2)
    RANKED = "ranked"  # it is preferred, not required: other networks keep an order (TIER-3)


class RuleMixing(enum.Enum):
    """What becomes of a DestinationRule with more than one of distribute, failover, failoverPriority (DR-2)."""

    EXCLUSIVE = "exclusive"  # any two of the three are refused
    REFINE = "refine"  # failover refines failoverPriority; distribute excludes both


_PREFER_CLOSE: Final = dict(MODE_ALIASES)
_PREFER_SAME_ZONE: Final = {**_PREFER_CLOSE, "PreferSameZone": TrafficDistribution.PREFER_SAME_ZONE}
_PREFER_SAME_NODE: Final = {**_PREFER_SAME_ZONE, "PreferSameNode": TrafficDistribution.PREFER_SAME_NODE}


def _table(table: Mapping[str, TrafficDistribution]) -> Mapping[str, TrafficDistribution]:
    return MappingProxyType(dict(table))


def _lower_table(table: Mapping[str, TrafficDistribution]) -> Mapping[str, TrafficDistribution]:
    return MappingProxyType({name.lower(): mode for name, mode in table.items()})


@frozen(kw_only=True, eq=False)
class Profile:
    """The rules of one product at one version (MODE-2, TIER-2 to TIER-4, PREC, LOC-3, DR-2).

    Attributes:
        name: As in ``Profile.named(name)``; every answer names it.
        cross_network: Which cross-network rule holds.
        spec_values: The words that ``spec.trafficDistribution`` accepts, in their exact case.
        annotation_values: The words that the annotation accepts, in any case.
        namespace_annotation: Whether a Namespace's annotation counts (PREC-1).
        global_services: Whether services can be global (COMP-3).
        gateway_locality: Whether what is reached through a gateway takes region
            and zone from that gateway, and not the network alone (LOC-3).
        rule_mixing: Which blocks of a DestinationRule may stand together.
        zone_depth: How many scopes PreferSameZone compares (TIER-4).
        local_scopes: What ``internalTrafficPolicy: Local`` requires to be equal (PREC-3).
        envoys_obey_distribution: Whether Envoys obey traffic distribution (MODE-3).
        unready_without_distribution: Whether Envoys are sent unready endpoints
            also where no traffic distribution is in force (DR-7a).
        ingress_crosses_networks: Whether an ingress gateway sends to other networks (PATH-3).
        waypoint_crosses_networks: Whether a waypoint does.
        ingress_needs: What an ingress gateway needs for that in ambient
            multi-network and does not have by default; ``""`` for nothing.
        waypoint_needs: The same of a waypoint.
        sidecars_join_clusters: Whether for a sidecar a Service's local name spans all
            clusters without any label (COMP-3).
        sends_through_waypoints: Whether sidecars and ingress gateways send through
            every waypoint, and not only where a label says so (PATH-2).
        ztunnels_detect_failures: Whether a ztunnel ejects endpoints to which
            connections fail (OD-3).
    """

    SOLO: ClassVar["Profile"]
    ISTIO_1_24: ClassVar["Profile"]
    ISTIO_1_25: ClassVar["Profile"]
    ISTIO_1_26: ClassVar["Profile"]
    ISTIO_1_27: ClassVar["Profile"]
    ISTIO_1_28: ClassVar["Profile"]
    ISTIO_1_29: ClassVar["Profile"]
    ISTIO_1_30: ClassVar["Profile"]
    ISTIO_1_31: ClassVar["Profile"]

    name: str
    cross_network: CrossNetwork
    spec_values: Mapping[str, TrafficDistribution] = field(converter=_table)
    annotation_values: Mapping[str, TrafficDistribution] = field(converter=_lower_table, default=_PREFER_SAME_NODE)
    namespace_annotation: bool = False
    global_services: bool = False
    gateway_locality: bool = False
    rule_mixing: RuleMixing = RuleMixing.REFINE
    zone_depth: int = TrafficDistribution.PREFER_SAME_ZONE.depth
    local_scopes: tuple[Scope, ...] = (Scope.NODE,)
    envoys_obey_distribution: bool = True
    unready_without_distribution: bool = True
    ingress_crosses_networks: bool = True
    waypoint_crosses_networks: bool = True
    ingress_needs: str = ""
    waypoint_needs: str = ""
    sidecars_join_clusters: bool = True
    sends_through_waypoints: bool = False
    ztunnels_detect_failures: bool = False

    def __attrs_post_init__(self) -> None:
        check_int(self.zone_depth, "zone_depth", least=0, most=len(SCOPES))

    def depth(self, mode: TrafficDistribution) -> int:
        """How many scopes *mode* compares under this profile, from the network inwards."""
        return self.zone_depth if mode is TrafficDistribution.PREFER_SAME_ZONE else mode.depth

    def scopes(self, mode: TrafficDistribution) -> tuple[Scope, ...]:
        """The scopes that *mode* compares under this profile, in order.

        >>> [scope.value for scope in ISTIO_1_24.scopes(TrafficDistribution.PREFER_SAME_ZONE)]
        ['network', 'region', 'zone', 'subzone']
        """
        return SCOPES[: self.depth(mode)]

    @staticmethod
    def named(name: str) -> "Profile":
        """The profile of this name; `to_table` says which rules it took.

        A patch version has the rules of its minor version, and the name that was asked for.

        Raises:
            InvalidValueError: There is none; the message lists those that there
                are, and says which one to take.

        >>> Profile.named("istio-1.31")
        <Profile istio-1.31>
        """
        if isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers need not type-check
            if name in PROFILES:
                return PROFILES[name]
            if (minor := _minor(name)) in PROFILES:
                return evolve(PROFILES[minor], name=name)
        raise InvalidValueError(f"expected one of {', '.join(PROFILES)}, got {name!r}{_advice(name)}", "profile")

    @property
    def changes(self) -> tuple[str, ...]:
        """What is not as in the version before, a line each; ``()`` if all is, or if no version is before.

        >>> Profile.named("istio-1.28").changes
        ('PATH-3 a waypoint needs for that: nothing (in istio-1.27: istio-1.28)',)
        """
        before = _before(self.name)
        if before is None:
            return ()
        return tuple(
            f"{rule} {choice}: {value} (in {before}: {was})"
            for (rule, choice, value), (*_, was) in zip(_choices(self), _choices(before), strict=True)
            if value != was
        )

    def to_table(self) -> Table:
        """Which rules it took: a row for each choice, with the rule that the choice is about; `changes` below.

        >>> print(ISTIO_1_24.to_table().to_text().splitlines()[3])
        TIER-4  PreferSameZone compares           network, region, zone, subzone
        """
        columns = ("rule", "choice", "value")
        return Table(title=f"profile {self.name}", columns=columns, rows=_choices(self), notes=self.changes)

    def _repr_html_(self) -> str:
        return self.to_table().first().to_html()

    @override
    def __str__(self) -> str:
        return self.name

    @override
    def __repr__(self) -> str:
        return f"<Profile {self.name}>"

    @override
    def __reduce__(self) -> tuple[object, ...]:
        if PROFILES.get(self.name) is self:
            return Profile.named, (self.name,)
        parts = asdict(self, recurse=False)
        tables = {"spec_values": dict(self.spec_values), "annotation_values": dict(self.annotation_values)}
        return _rebuilt, ({**parts, **tables},)


_ISTIO: Final = "istio-"


def _minor(name: str) -> str:
    """The minor version of a patch version, as in ``istio-1.27`` of ``istio-1.27.3``; else the name itself."""
    minor, _, patch = name.rpartition(".")
    is_number = patch.isascii() and patch.isdecimal() and (patch == "0" or patch[0] != "0")
    return minor if minor.startswith(_ISTIO) and "." in minor and is_number else name


def _before(name: str) -> Profile | None:
    """The version before the one of this name; ``None`` if there is none."""
    names = [known for known in PROFILES if known.startswith(_ISTIO)]
    place = names.index(_minor(name)) if _minor(name) in names else 0
    return PROFILES[names[place - 1]] if place else None


def _version(name: str) -> tuple[int, int]:
    major, _, minor = name.removeprefix(_ISTIO).partition(".")
    return int(major), int(minor)


def _advice(name: object) -> str:
    """Which profile to take for a name that is none; ``""`` if it is like none of them."""
    import re  # noqa: PLC0415  # only errors need it
    from difflib import get_close_matches  # noqa: PLC0415  # only errors need it, and it is slow to load

    versions = {_version(known): known for known in PROFILES if known.startswith(_ISTIO)}
    if found := re.search(r"(\d{1,4})\.(\d{1,4})", str(name)):
        asked = int(found[1]), int(found[2])
        if asked in versions:
            return f"; take {versions[asked]}"
        if asked > max(versions):
            return f"; take {versions[max(versions)]}, the newest that is known"
        if asked < min(versions):
            return f"; {versions[min(versions)]} is the oldest that is known"
    close = get_close_matches(str(name).lower(), PROFILES, cutoff=0.5)
    return f"; the nearest: {', '.join(close)}" if close else ""


def _choices(profile: Profile) -> tuple[tuple[str, str, str], ...]:
    """A row for each thing that profiles differ in: rule, choice and value."""
    yes = {True: "yes", False: "no"}
    scopes = ", ".join(scope.value for scope in profile.scopes(TrafficDistribution.PREFER_SAME_ZONE))
    spelled = {name.lower(): name for name in (*(mode.value for mode in TrafficDistribution), *MODE_ALIASES)}
    return (
        ("TIER-2", "other networks are", profile.cross_network.value),
        ("TIER-4", "PreferSameZone compares", scopes),
        ("MODE-1", "spec field takes", ", ".join(profile.spec_values)),
        ("MODE-2", "annotation knows", ", ".join(spelled.get(word, word) for word in profile.annotation_values)),
        ("MODE-3", "Envoys obey distribution", yes[profile.envoys_obey_distribution]),
        ("PREC-1", "Namespace annotation counts", yes[profile.namespace_annotation]),
        ("PREC-3", "Local compares", ", ".join(scope.value for scope in profile.local_scopes)),
        ("LOC-3", "gateways give region and zone", yes[profile.gateway_locality]),
        ("COMP-3", "services can be global", yes[profile.global_services]),
        ("COMP-3", "sidecars join clusters by name", yes[profile.sidecars_join_clusters]),
        ("DR-2", "blocks of a rule", profile.rule_mixing.value),
        ("DR-7a", "unready endpoints always sent", yes[profile.unready_without_distribution]),
        ("OD-3", "ztunnels detect failures", yes[profile.ztunnels_detect_failures]),
        ("PATH-2", "waypoints used without a label", yes[profile.sends_through_waypoints]),
        ("PATH-3", "ingress gateway crosses networks", yes[profile.ingress_crosses_networks]),
        ("PATH-3", "an ingress gateway needs for that", profile.ingress_needs or "nothing"),
        ("PATH-3", "waypoint crosses networks", yes[profile.waypoint_crosses_networks]),
        ("PATH-3", "a waypoint needs for that", profile.waypoint_needs or "nothing"),
    )


def _rebuilt(parts: dict[str, Any]) -> Profile:
    return Profile(**parts)


SOLO: Final = Profile(
    name="solo",
    cross_network=CrossNetwork.FLAT,
    spec_values=_PREFER_SAME_ZONE,
    annotation_values=MODE_NAMES,
    global_services=True,
    gateway_locality=True,
    rule_mixing=RuleMixing.EXCLUSIVE,
    local_scopes=(Scope.NETWORK, Scope.NODE),
    sidecars_join_clusters=False,
    sends_through_waypoints=True,
    ztunnels_detect_failures=True,
)
# In ambient multi-network (AMBIENT_ENABLE_MULTI_NETWORK, from 1.25.0 on) two flags of istiod say who sends to other
# networks. This one is there from 1.29.0 on, and false by default up to 1.31.0-rc.0, although
# releasenotes/notes/ambient-ingress-remotes.yaml says true. AMBIENT_ENABLE_MULTI_NETWORK_WAYPOINT is there from 1.28.0
# on, and true. Source: istio/istio pilot/pkg/features/ambient.go, and pilot/pkg/xds/endpoints/ep_filters.go,
# EndpointsByNetworkFilter, at those tags.
_INGRESS_FLAG: Final = "AMBIENT_ENABLE_MULTI_NETWORK_INGRESS"

ISTIO_1_24: Final = Profile(
    name="istio-1.24",
    cross_network=CrossNetwork.FLAT,
    spec_values=_PREFER_CLOSE,
    # istio/istio pilot/pkg/serviceregistry/kube/controller/ambient/services.go, and from 1.25 on kube/conversion.go,
    # GetTrafficDistribution, up to 1.24.6, 1.25.5 and 1.26.8 compare the annotation with this word alone.
    annotation_values=_PREFER_CLOSE,
    zone_depth=4,
    envoys_obey_distribution=False,  # istio/istio issue 54715
    unready_without_distribution=False,
    ingress_needs=f"istio-1.29 and {_INGRESS_FLAG}",
    waypoint_needs="istio-1.28",
)
ISTIO_1_25: Final = evolve(ISTIO_1_24, name="istio-1.25", envoys_obey_distribution=True)
ISTIO_1_26: Final = evolve(ISTIO_1_25, name="istio-1.26")
ISTIO_1_27: Final = evolve(
    ISTIO_1_26,
    name="istio-1.27",
    spec_values=_PREFER_SAME_NODE,
    annotation_values=_PREFER_SAME_NODE,
    zone_depth=TrafficDistribution.PREFER_SAME_ZONE.depth,
)
ISTIO_1_28: Final = evolve(ISTIO_1_27, name="istio-1.28", waypoint_needs="")
ISTIO_1_29: Final = evolve(ISTIO_1_28, name="istio-1.29", ingress_needs=_INGRESS_FLAG)
ISTIO_1_30: Final = evolve(ISTIO_1_29, name="istio-1.30", namespace_annotation=True)
ISTIO_1_31: Final = evolve(
    ISTIO_1_30, name="istio-1.31", cross_network=CrossNetwork.RANKED, unready_without_distribution=True
)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            SOLO,
            ISTIO_1_24,
            ISTIO_1_25,
            ISTIO_1_26,
            ISTIO_1_27,
            ISTIO_1_28,
            ISTIO_1_29,
            ISTIO_1_30,
            ISTIO_1_31,
        )
    }
)
"""Every profile by name; the default, ``solo``, first."""

Profile.SOLO = SOLO
Profile.ISTIO_1_24 = ISTIO_1_24
Profile.ISTIO_1_25 = ISTIO_1_25
Profile.ISTIO_1_26 = ISTIO_1_26
Profile.ISTIO_1_27 = ISTIO_1_27
Profile.ISTIO_1_28 = ISTIO_1_28
Profile.ISTIO_1_29 = ISTIO_1_29
Profile.ISTIO_1_30 = ISTIO_1_30
Profile.ISTIO_1_31 = ISTIO_1_31
