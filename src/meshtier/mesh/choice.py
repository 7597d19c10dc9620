"""Among what does a component choose, and in what order? One class for each kind of rule.

A choice sorts the members of a view into tiers, says what it leaves out, and
knows how a data plane spreads load over the rest. `Route` asks and displays.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

from attrs import frozen
from typing_extensions import override

from meshtier.dataplane.assignment import EnvoySettings, LocalityGroup
from meshtier.dataplane.spread import PLAIN_ENVOY, tier_groups
from meshtier.endpoint import Exclusion, Reason
from meshtier.locality import Locality
from meshtier.mesh.client import Client
from meshtier.mesh.comparison import Comparison, scope_comparisons
from meshtier.mesh.model import Place
from meshtier.mesh.policy import NO_POLICY, Policy, lb_policy
from meshtier.mesh.traps import unknown_places
from meshtier.mesh.view import Member, View
from meshtier.note import Note
from meshtier.precedence import Resolution
from meshtier.preference import Preference, describe_tier
from meshtier.table import percent
from meshtier.tiers import Endpoints, Tier, TierLike, rank_by


class Choice(Protocol):
    """One way to choose among the members of a view."""

    @property
    def tiers(self) -> Sequence[TierLike]:
        """The tiers that hold an endpoint, nearest first."""
        ...

    @property
    def excluded(self) -> tuple[Exclusion, ...]:
        """What this choice leaves out."""
        ...

    @property
    def groups(self) -> tuple[LocalityGroup, ...]:
        """The tiers as Istio hands them to an Envoy."""
        ...

    @property
    def envoy(self) -> EnvoySettings:
        """What the Envoy is told besides."""
        ...

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was doubtful in comparing."""
        ...

    def describe(self, number: int) -> str:
        """What endpoints of this tier have in common with the client."""
        ...

    def compare(self, member: Member) -> tuple[Comparison, ...]:
        """Everything that was compared for one member."""
        ...


@frozen(eq=False)
class RouteTier:
    """One tier of a route.

    Attributes:
        priority: What an Envoy gets: the tiers that hold an endpoint, numbered
            without gaps (DR-8).
        share: Its share of the client's traffic, 0 to 1.
    """

    _tier: TierLike
    _choice: Choice
    priority: int
    share: float

    @property
    def number(self) -> int:
        """The P number of the mode's table, or the level of a DestinationRule's failover; 0 is the nearest."""
        return self._tier.number

    @property
    def endpoints(self) -> Endpoints:
        """What is in it: sized and iterable, at least one."""
        return self._tier.endpoints

    @property
    def healthy(self) -> int:
        """How many of its endpoints can take traffic."""
        return self._tier.healthy

    @property
    def matched(self) -> str:
        """What its endpoints have in common with the client, in words."""
        return self._choice.describe(self._tier.number)

    @property
    def places(self) -> tuple[Locality, ...]:
        """Where its endpoints are, without their nodes, each once, sorted. Cost: O(n)."""
        return tuple(sorted({endpoint.locality._replace(node="") for endpoint in self.endpoints}))

    @override
    def __repr__(self) -> str:
        return f"RouteTier(P{self.number}: {len(self.endpoints)} endpoints, share {percent(self.share)})"


@frozen(kw_only=True, eq=False)
class DistributionChoice:
    """The choice by traffic distribution: a mode, or the client's node alone (TIER, PREC-3)."""

    view: View
    client: Client
    place: Place
    resolution: Resolution
    policy: Policy = NO_POLICY

    @cached_property
    def _sorted(self) -> tuple[Sequence[TierLike], tuple[Exclusion, ...]]:
        resolution = self.resolution
        if not resolution.strict:
            return self.view.index.tiers(self.place.locality, resolution.mode, profile=resolution.profile), ()
        ranking = rank_by(
            resolution.preference,
            self.place.locality,
            self.view.endpoints,
            client_cluster=self.client.cluster,
            reason=Reason.NOT_LOCAL,
        )
        return ranking.tiers, ranking.excluded

    @property
    def tiers(self) -> Sequence[TierLike]:
        """The tiers that hold an endpoint, nearest first."""
        return self._sorted[0]

    @property
    def excluded(self) -> tuple[Exclusion, ...]:
        """What a strict choice leaves out."""
        return self._sorted[1]

    @property
    def envoy(self) -> EnvoySettings:
        """What the Envoy is told besides; localities are weighted wherever a mode makes priorities (LOAD-4)."""
        setting = self.policy.setting
        return EnvoySettings(
            panic_threshold=setting.panic_threshold,
            locality_weighted=setting.locality_weights and not self.resolution.strict,
            lb_policy=lb_policy(self.policy),
        )

    @property
    def groups(self) -> tuple[LocalityGroup, ...]:
        """A priority for each tier, its endpoints by locality."""
        return tier_groups(self.tiers)

    def describe(self, number: int) -> str:
        """What endpoints of this tier have in common with the client."""
        return describe_tier(number, self.resolution.preference)

    @property
    def notes(self) -> tuple[Note, ...]:
        """Where a match rests on two unknown parts (LOC-6)."""
        return unknown_places(self.place.locality, self.resolution.preference.scopes, self._matching)

    def _matching(self, position: int) -> int:
        """How many endpoints match the client at the scope of this position; from their tiers alone."""
        preference = self.resolution.preference
        return sum(len(tier.endpoints) for tier in self.tiers if _holds(preference, tier.number, position))

    def compare(self, member: Member) -> tuple[Comparison, ...]:
        """Scope by scope."""
        preference = self.resolution.preference
        return scope_comparisons(
            preference.scopes,
            self.place,
            member,
            client_cluster=self.client.cluster,
            ranked=preference.ranked,
        )


@frozen(kw_only=True, eq=False)
class PassThrough:
    """No choice at all: the connection goes where the client sent it (PREC-4)."""

    view: View
    why: str

    @property
    def tiers(self) -> Sequence[TierLike]:
        """Everything, in one tier."""
        return (Tier(0, self.view.endpoints),) if self.view.endpoints else ()

    @property
    def excluded(self) -> tuple[Exclusion, ...]:
        """Nothing."""
        return ()

    @property
    def groups(self) -> tuple[LocalityGroup, ...]:
        """Nothing: an Envoy gets no endpoints for such a service."""
        return ()

    @property
    def envoy(self) -> EnvoySettings:
        """The plain settings."""
        return PLAIN_ENVOY

    def describe(self, number: int) -> str:
        """Why there is no order."""
        return f"passed through: {self.why}" if number == 0 else ""

    @property
    def notes(self) -> tuple[Note, ...]:
        """Nothing is compared."""
        return ()

    def compare(self, member: Member) -> tuple[Comparison, ...]:
        """Nothing is compared."""
        del member
        return ()


def _holds(preference: Preference, number: int, position: int) -> bool:
    """Whether the scope at *position* matched for the endpoints of this tier."""
    steps = len(preference.scopes)
    if preference.ranked and number >= steps:  # of another network: the scopes after it were compared all the same
        return 0 < position <= 2 * steps - 1 - number
    return preference.matched(number) > position
