"""Among what does a component choose where a locality setting has replaced traffic distribution?"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final, assert_never

from attrs import frozen

from meshtier.dataplane import EnvoySettings, LoadAssignment, LocalityGroup, ZoneAware, assign
from meshtier.endpoint import Exclusion
from meshtier.labels import NO_LABELS, Labels
from meshtier.ladder import Ladder
from meshtier.locality import SCOPES, Locality, Scope
from meshtier.mesh.clients import Client
from meshtier.mesh.effective_rule import EffectiveRule, lb_policy
from meshtier.mesh.explanation import Comparison, label_comparisons, scope_comparisons
from meshtier.mesh.selection.hosts import kept
from meshtier.mesh.service_endpoint import ServiceEndpoint
from meshtier.mesh.snapshot import Place
from meshtier.mesh.visible import VisibleEndpoints
from meshtier.mesh.warnings import unknown_labels, unknown_peers, unknown_places
from meshtier.note import Note
from meshtier.profile import CrossNetwork, Profile
from meshtier.rules import (
    Distribute,
    LevelsBy,
    ZoneAwareSetting,
    compare_labels,
    matches_place,
    matching_rule,
)
from meshtier.tiers import TierLike

_FAILOVER_WORDS: Final = (
    "same region, zone, subzone",
    "same region, zone; other subzone",
    "same region; other zone",
    "other region",
    "other region, not the one to fail over to",
)
"""What the levels of failover are (DR-4); the last but one is its region to fail over to, if it has one."""
_REGION_WORDS: Final = ("same region", "the region to fail over to", "other region")
"""The same under zone awareness."""
DEFAULT_MIN_CLUSTER_SIZE: Final = 6
"""Envoy's own, where ``minClusterSize`` is not given."""


@frozen(kw_only=True, eq=False)
class LocalitySelection:
    """The selection by a locality setting: failover, failoverPriority, distribute, zones (DR-3 to DR-8).

    Attributes:
        visible: What there is to choose from.
        effective_rule: The setting in force, and what goes with it.
        profile: Whose rules.
        compared: The client's place as far as it is compared: region, zone and subzone.
        labels: The client's labels, those of its place among them, as far as they are compared.
        peers: How many Envoys of its own kind there are in each locality, for
            zone-aware routing; empty if that is unknown.
    """

    visible: VisibleEndpoints
    effective_rule: EffectiveRule
    profile: Profile
    compared: Locality
    labels: Mapping[str, str]
    peers: Mapping[Locality, int]
    passthrough: str = ""

    @cached_property
    def assignment(self) -> LoadAssignment:
        """What becomes of the endpoints."""
        return assign(
            self.visible.endpoints,
            self.effective_rule.setting,
            client=self.compared,
            client_labels=self.labels,
            profile=self.profile,
            grouped_at=self.visible.grouped_at,
        )

    @property
    def tiers(self) -> Sequence[TierLike]:
        """A tier for each level that holds an endpoint."""
        return self.assignment.tiers

    @property
    def excluded(self) -> tuple[Exclusion, ...]:
        """What distribute leaves out."""
        return self.assignment.excluded

    @property
    def groups(self) -> tuple[LocalityGroup, ...]:
        """The groups that Istio hands to the Envoy."""
        return self._groups

    @cached_property
    def _groups(self) -> tuple[LocalityGroup, ...]:
        return kept(self.assignment.groups, self.visible)

    @property
    def envoy(self) -> EnvoySettings:
        """What the Envoy is told besides."""
        setting = self.effective_rule.setting
        return EnvoySettings(
            panic_threshold=setting.panic_threshold,
            locality_weighted=setting.locality_weights,
            lb_policy=lb_policy(self.effective_rule),
            zone_aware=self._zone_aware(setting.zone_aware),
        )

    def _zone_aware(self, setting: ZoneAwareSetting | None) -> ZoneAware | None:
        if setting is None or not self.peers:
            return None
        return ZoneAware(
            node_locality=self.compared,
            local_hosts=tuple(self.peers.items()),
            min_cluster_size=DEFAULT_MIN_CLUSTER_SIZE if setting.min_cluster_size is None else setting.min_cluster_size,
        )

    @property
    def notes(self) -> tuple[Note, ...]:
        """Traps of the setting that show only with the endpoints at hand."""
        alone = self.effective_rule.setting.zone_aware is not None and not self.peers
        return (
            *((unknown_peers(),) if alone else ()),
            *unknown_labels(self.labels, self._entries, self.visible.endpoints),
            *unknown_places(self.compared, self._scopes, self._matching),
        )

    def _matching(self, position: int) -> int:
        """How many endpoints match the client from its region down to the scope of this position."""
        depth = position + 2  # of the parts of a locality the network, which is the first, is not compared
        here = self.compared[1:depth]
        grouped = self.visible.grouped_at
        return sum(grouped.get(endpoint.id, endpoint.locality)[1:depth] == here for endpoint in self.visible.endpoints)

    @property
    def _entries(self) -> tuple[str, ...]:
        """What failoverPriority compares; nothing if it has no part in the levels, or the client has no labels."""
        setting, levels_by = self.effective_rule.setting.setting, self.effective_rule.setting.levels_by
        if setting is None or levels_by not in (LevelsBy.LABELS, LevelsBy.LABELS_AND_PLACE) or not self.labels:
            return ()
        return setting.failover_priority

    @property
    def _scopes(self) -> tuple[Scope, ...]:
        """What failover compares; nothing if it has no part in the levels."""
        if self.effective_rule.setting.levels_by not in (LevelsBy.PLACE, LevelsBy.LABELS_AND_PLACE):
            return ()
        return SCOPES[1:2] if self.effective_rule.setting.zone_aware is not None else SCOPES[1:4]

    @cached_property
    def _by_label(self) -> Ladder:
        return Ladder.of_labels(self._entries, self.profile.cross_network)

    def describe(self, number: int) -> str:
        """What endpoints of this level have in common with the client."""
        levels_by = self.effective_rule.setting.levels_by
        match levels_by:
            case LevelsBy.NOTHING:
                return "anywhere"
            case LevelsBy.SHARES:
                return "a locality of the distribute rule" if self._share_rule is not None else "anywhere"
            case LevelsBy.LABELS:
                return self._by_label.describe(number)
            case LevelsBy.PLACE:
                return self._describe_place(number)
            case LevelsBy.LABELS_AND_PLACE:
                coarse, fine = divmod(number, len(self._words))
                return f"{self._by_label.describe(coarse)}; {self._describe_place(fine)}"
            case _:
                assert_never(levels_by)

    @property
    def _words(self) -> tuple[str, ...]:
        return _FAILOVER_WORDS if self.effective_rule.setting.zone_aware is None else _REGION_WORDS

    def _describe_place(self, level: int) -> str:
        setting, words = self.effective_rule.setting.setting, self._words
        here = self.compared.region
        to = [one.to_region for one in (setting.failover if setting else ()) if one.from_region == here]
        return f"region {to[0]}, to fail over to" if to and level == len(words) - 2 else words[level]

    def compare(self, each: ServiceEndpoint, client: Client, place: Place) -> tuple[Comparison, ...]:
        """Label by label, then place by place; or the locality against the distribute rule."""
        if self.effective_rule.setting.levels_by is LevelsBy.SHARES:
            return self._compare_shares(each)
        labels = compare_labels(self.labels, each.endpoint.labels, self._entries)
        by_label = label_comparisons(labels, self._by_label, place, each, client=str(client))
        scopes = Ladder.of_scopes(self._scopes, CrossNetwork.FLAT)
        return by_label + scope_comparisons(self._scopes, scopes, place, each)

    @property
    def _share_rule(self) -> Distribute | None:
        return matching_rule(self.effective_rule.setting.distribute, self.compared[1:4])

    def _compare_shares(self, each: ServiceEndpoint) -> tuple[Comparison, ...]:
        rule = self._share_rule
        if rule is None:
            return ()
        target = [pattern for pattern, _ in rule.to if matches_place(pattern, each.place.locality[1:4])]
        return (
            Comparison(
                key=f"distribute from {rule.origin}",
                client=" or ".join(target or [pattern for pattern, _ in rule.to]) or "nowhere",
                client_origin=self.effective_rule.found.rule.title if self.effective_rule.found is not None else "",
                endpoint=each.place.locality.text,
                endpoint_origin=each.place.origin(Scope.REGION),
                equal=bool(target),
            ),
        )


def compared_labels(rule: EffectiveRule, labels: Labels) -> Labels:
    """*labels* without those that failoverPriority does not compare; clients for which this is the same are alike."""
    effective = rule.setting
    if effective.setting is None or effective.levels_by not in (LevelsBy.LABELS, LevelsBy.LABELS_AND_PLACE):
        return NO_LABELS
    names = {entry.partition("=")[0] for entry in effective.setting.failover_priority}
    compared = {name: labels[name] for name in names if name in labels}
    # A client without any labels has nothing compared at all (DR-3), so that none may not stand for none of these.
    return Labels.trusted(compared) if compared else labels
