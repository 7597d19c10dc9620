"""Among what does a component choose where a locality setting has replaced traffic distribution?"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final

from attrs import frozen

from meshtier.dataplane.assignment import EnvoySettings, LocalityGroup, ZoneAware
from meshtier.dataplane.spread import host_of
from meshtier.endpoint import Endpoint, Exclusion
from meshtier.locality import SCOPE_LABELS, SCOPES, Locality, Scope
from meshtier.mesh.client import Client
from meshtier.mesh.model import Place
from meshtier.mesh.policy import Policy, lb_policy
from meshtier.mesh.view import Member, View
from meshtier.mesh.why import Comparison
from meshtier.note import Note
from meshtier.profile import CrossNetwork, Profile
from meshtier.rules import (
    Grouping,
    LocalitySetting,
    WantedFrom,
    ZoneAwareSetting,
    compare_labels,
    group_endpoints,
    matches_place,
    matching_rule,
)
from meshtier.tiers import Tier, TierLike, describe_ladder

_FAILOVER_WORDS: Final = (
    "same region, zone, subzone",
    "same region, zone; other subzone",
    "same region; other zone",
    "other region",
    "other region, not the one to fail over to",
)
_REGION_WORDS: Final = ("same region", "the region to fail over to", "other region")
DEFAULT_MIN_CLUSTER_SIZE: Final = 6
"""Envoy's own, where ``minClusterSize`` is not given."""
_SCOPE_OF_LABEL: Final[Mapping[str, Scope]] = {label: scope for scope, label in SCOPE_LABELS.items()}


@frozen(kw_only=True, eq=False)
class RuleChoice:
    """The choice by a locality setting: failover, failoverPriority, distribute, zones (DR-3 to DR-8).

    Attributes:
        view: What there is to choose from.
        client: Where the component that chooses is.
        place: The same as a place.
        labels: Its labels, those of its place among them.
        policy: The setting in force, and what goes with it.
        profile: Whose rules.
        peers: How many Envoys of its own kind there are in each locality, for
            zone-aware routing; empty if that is unknown.
    """

    view: View
    client: Client
    place: Place
    labels: Mapping[str, str]
    policy: Policy
    profile: Profile
    peers: Mapping[Locality, int]

    @cached_property
    def grouping(self) -> Grouping:
        """What becomes of the endpoints."""
        return group_endpoints(
            self.view.endpoints,
            self.policy.setting,
            client=self.place.locality,
            client_labels=self.labels,
            profile=self.profile,
        )

    @property
    def tiers(self) -> Sequence[TierLike]:
        """A tier for each level that holds an endpoint."""
        return self._tiers

    @cached_property
    def _tiers(self) -> tuple[Tier, ...]:
        bins: dict[int, list[Endpoint]] = {}
        grouping = self.grouping
        for endpoint, level, priority in zip(self.view.endpoints, grouping.levels, grouping.priorities, strict=True):
            if priority is not None:
                bins.setdefault(level, []).append(endpoint)
        return tuple(Tier(level, tuple(bins[level])) for level in sorted(bins))

    @property
    def excluded(self) -> tuple[Exclusion, ...]:
        """What distribute leaves out."""
        return self.grouping.excluded

    @property
    def groups(self) -> tuple[LocalityGroup, ...]:
        """The groups that Istio hands to the Envoy."""
        return tuple(
            LocalityGroup(
                priority=group.priority,
                locality=group.locality,
                weight=group.weight or None,
                hosts=tuple(host_of(endpoint) for endpoint in group.endpoints),
            )
            for group in self.grouping.groups
        )

    @property
    def envoy(self) -> EnvoySettings:
        """What the Envoy is told besides."""
        setting = self.policy.setting
        return EnvoySettings(
            panic_threshold=setting.panic_threshold,
            locality_weighted=setting.locality_weights,
            lb_policy=lb_policy(self.policy),
            zone_aware=self._zone_aware(setting.zone_aware),
        )

    def _zone_aware(self, setting: ZoneAwareSetting | None) -> ZoneAware | None:
        if setting is None or not self.peers:
            return None
        return ZoneAware(
            node_locality=self.place.locality,
            local_hosts=tuple(self.peers.items()),
            min_cluster_size=DEFAULT_MIN_CLUSTER_SIZE if setting.min_cluster_size is None else setting.min_cluster_size,
        )

    @property
    def notes(self) -> tuple[Note, ...]:
        """Traps of the setting that show only with the endpoints at hand."""
        notes: list[Note] = []
        if self.policy.setting.zone_aware is not None and not self.peers:
            text = "zone-aware routing hangs on where the client's own peers are, which are unknown: it is left out"
            notes.append(Note("LOAD-4", text))
        notes += self._unknown_labels()
        notes += self._unknown_places()
        return tuple(notes)

    @property
    def _depth(self) -> tuple[Scope, ...]:
        """The scopes that failover compares; none if it has no part in the levels."""
        setting = self.policy.setting.setting
        if setting is None or not self.policy.setting.failover:
            return ()
        if isinstance(setting, ZoneAwareSetting):
            return SCOPES[1:2]
        if setting.distribute or (setting.failover_priority and not setting.failover):
            return ()
        return SCOPES[1:4]

    def _unknown_places(self) -> list[Note]:
        notes: list[Note] = []
        here = self.place.locality
        for number, scope in enumerate(self._depth, start=2):
            if here.part(scope):
                continue
            count = sum(endpoint.locality[1:number] == here[1:number] for endpoint in self.view.endpoints)
            if count:
                text = f"neither the client nor {count} of the endpoints has a known {scope.value}, and so they match"
                notes.append(Note("LOC-6", text))
        return notes

    def _unknown_labels(self) -> list[Note]:
        entries = self._failover_priority
        if not entries or not self.view.endpoints:
            return []
        missing = [
            one.label
            for one in compare_labels(self.labels, {}, entries)
            if one.equal and any(one.label not in endpoint.labels for endpoint in self.view.endpoints)
        ]
        return [
            Note("LOC-6", f"neither the client nor some of the endpoints has the label {label}, and so they match")
            for label in dict.fromkeys(missing)
        ]

    @property
    def _failover_priority(self) -> tuple[str, ...]:
        setting = self.policy.setting.setting
        if setting is None or not self.policy.setting.failover or not self.labels:
            return ()
        return () if isinstance(setting, LocalitySetting) and setting.distribute else setting.failover_priority

    def describe(self, number: int) -> str:
        """What endpoints of this level have in common with the client."""
        setting = self.policy.setting.setting
        if setting is None or not self.policy.setting.failover:
            return "anywhere"
        if isinstance(setting, LocalitySetting) and setting.distribute:
            return "a locality of the distribute rule"
        if not self._depth:
            return self._describe_labels(number)
        words = _FAILOVER_WORDS if isinstance(setting, LocalitySetting) else _REGION_WORDS
        coarse, fine = divmod(number, len(words))
        if not self._failover_priority:
            return self._describe_region(words[fine], fine)
        return f"{self._describe_step(coarse)}; {self._describe_region(words[fine], fine)}"

    def _describe_region(self, words: str, fine: int) -> str:
        setting = self.policy.setting.setting
        here = self.place.locality.region
        to = [one.to_region for one in (setting.failover if setting else ()) if one.from_region == here]
        return f"region {to[0]}, to fail over to" if to and fine == len(_FAILOVER_WORDS) - 2 else words

    def _describe_labels(self, number: int) -> str:
        entries = self._failover_priority
        ranked = self.profile.cross_network is CrossNetwork.RANKED and entries[:1] == (SCOPE_LABELS[Scope.NETWORK],)
        return describe_ladder(number, [entry.rpartition("/")[2] for entry in entries], ranked=ranked)

    def _describe_step(self, coarse: int) -> str:
        # failoverPriority's levels are renumbered before failover refines them.
        return f"failoverPriority level {coarse}"

    def compare(self, member: Member) -> tuple[Comparison, ...]:
        """Label by label, then place by place; or the locality against the distribute rule."""
        setting = self.policy.setting.setting
        if isinstance(setting, LocalitySetting) and setting.distribute:
            return self._compare_targets(setting, member)
        if setting is None or not self.policy.setting.failover:
            return ()
        return self._compare_labels(member) + self._compare_scopes(member, self._depth)

    def _compare_labels(self, member: Member) -> tuple[Comparison, ...]:
        found: list[Comparison] = []
        open_ = True
        ranked = self.profile.cross_network is CrossNetwork.RANKED
        for number, one in enumerate(compare_labels(self.labels, member.endpoint.labels, self._failover_priority)):
            asked = f"failoverPriority {one.entry}" if one.source is WantedFrom.OVERRIDE else ""
            found.append(
                Comparison(
                    key=one.entry,
                    client=one.wanted or "",
                    client_origin=asked or label_origin(one.label, self.place, str(self.client)),
                    endpoint=one.found or "",
                    endpoint_origin=label_origin(one.label, member.place, str(member.workload)),
                    equal=one.equal,
                    counts=open_,
                )
            )
            preferred_only = ranked and number == 0 and one.entry == SCOPE_LABELS[Scope.NETWORK]
            open_ = open_ and (one.equal or preferred_only)
        return tuple(found)

    def _compare_scopes(self, member: Member, scopes: Sequence[Scope]) -> tuple[Comparison, ...]:
        found: list[Comparison] = []
        open_ = True
        for scope in scopes:
            here, there = self.place.locality.part(scope), member.place.locality.part(scope)
            found.append(
                Comparison(
                    key=scope.value,
                    client=here,
                    client_origin=self.place.origin(scope),
                    endpoint=there,
                    endpoint_origin=member.place.origin(scope),
                    equal=here == there,
                    counts=open_,
                )
            )
            open_ = open_ and here == there
        return tuple(found)

    def _compare_targets(self, setting: LocalitySetting, member: Member) -> tuple[Comparison, ...]:
        rule = matching_rule(setting.distribute, self.place.locality[1:4])
        if rule is None:
            return ()
        target = [pattern for pattern, _ in rule.to if matches_place(pattern, member.place.locality[1:4])]
        title = self.policy.found.rule.title if self.policy.found is not None else ""
        return (
            Comparison(
                key=f"distribute from {rule.origin}",
                client=" or ".join(target or [pattern for pattern, _ in rule.to]) or "nowhere",
                client_origin=title,
                endpoint=member.place.locality.text,
                endpoint_origin=member.place.origin(Scope.REGION),
                equal=bool(target),
            ),
        )


def label_origin(label: str, place: Place, owner: str) -> str:
    """Where a label's value was read: the object and label that gave a place, or the workload's own label."""
    scope = _SCOPE_OF_LABEL.get(label)
    if scope is Scope.CLUSTER:
        return "the cluster's name"
    if scope is not None:
        return place.origin(scope)
    return f"{owner} label {label}"


def ejection_note(policy: Policy, endpoints: int) -> tuple[Note, ...]:
    """A note if outlier detection can never eject anyone, for there are too few endpoints (OD-2)."""
    detection = policy.outlier_detection
    if detection is None or endpoints == 0:
        return ()
    percent = detection.limits.max_ejection_percent
    if percent * endpoints >= 100:
        return ()
    needed = f"it takes {-(-100 // percent)}" if percent else "no number would do"
    text = f"maxEjectionPercent {percent} of {endpoints} endpoints is less than one ({needed}): none is ever ejected,"
    title = policy.found.rule.title if policy.found is not None else ""
    return (Note("OD-2", f"{text} and failover by outlier detection cannot happen", title),)
