"""What does a DestinationRule say for each port and subset, and which field says so?"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from attrs import frozen

from meshtier.errors import InvalidValueError
from meshtier.profile import Profile
from meshtier.rules import DestinationRule, LocalitySetting, TrafficPolicy, check_mixing, effective_policy

TOP: Final = "spec.trafficPolicy"


class Where(NamedTuple):
    """A policy in a manifest.

    Attributes:
        rule: The object that holds it.
        path: The field of the policy, as in ``spec.trafficPolicy``.
    """

    rule: DestinationRule
    path: str


@frozen(kw_only=True)
class PolicyPart:
    """The traffic for which a rule says one thing.

    Attributes:
        port: The port that has settings of its own; ``None`` for all others.
        subset: The subset that has; ``None`` for the whole host.
        policy: What holds for it.
        balancer: Where its ``loadBalancer`` stands, or would.
        outlier: Where its ``outlierDetection`` stands, or would.
    """

    port: int | None
    subset: str | None
    policy: TrafficPolicy
    balancer: Where
    outlier: Where

    @property
    def locality(self) -> LocalitySetting | None:
        """Its ``localityLbSetting``, unless its ``zoneAwareLbSetting`` comes before that."""
        balancer = self.policy.load_balancer
        return balancer.locality if balancer is not None and balancer.zone_aware is None else None

    @property
    def locality_path(self) -> str:
        """The field of the same."""
        return f"{self.balancer.path}.loadBalancer.localityLbSetting"


def parts_of(merged: DestinationRule, sources: Sequence[DestinationRule]) -> Iterator[PolicyPart]:
    """What a rule says, for each port and subset of which it says something else.

    Args:
        merged: What holds.
        sources: The objects that went into it, the first with a policy giving that (DR-1).
    """
    ports = [each.port for each in merged.traffic_policy.port_level] if merged.traffic_policy is not None else []
    for port in dict.fromkeys([None, *ports]):
        yield _part(merged, sources, port, None)
    for subset in merged.subsets:
        if subset.traffic_policy is not None:
            own = [each.port for each in subset.traffic_policy.port_level]
            for port in dict.fromkeys([None, *ports, *own]):
                yield _part(merged, sources, port, subset.name)


def _part(
    merged: DestinationRule, sources: Sequence[DestinationRule], port: int | None, subset: str | None
) -> PolicyPart:
    return PolicyPart(
        port=port,
        subset=subset,
        policy=effective_policy(merged, port=port, subset=subset),
        balancer=_where(sources, port, subset, "load_balancer"),
        outlier=_where(sources, port, subset, "outlier_detection"),
    )


def _where(sources: Sequence[DestinationRule], port: int | None, subset: str | None, block: str) -> Where:
    """Where a block of the policy of a port and a subset stands, or would; see `effective_policy`."""
    for rule in sources if subset is not None else ():
        for number, part in enumerate(rule.subsets):
            if part.name == subset and part.traffic_policy is not None:
                base, ported = _of_port(part.traffic_policy, f"spec.subsets[{number}].trafficPolicy", port)
                if ported or getattr(part.traffic_policy, block) is not None:
                    return Where(rule, base)
    top = next((rule for rule in sources if rule.traffic_policy is not None), sources[0])
    return Where(top, _of_port(top.traffic_policy or TrafficPolicy(), TOP, port)[0])


def _of_port(policy: TrafficPolicy, base: str, port: int | None) -> tuple[str, bool]:
    for number, part in enumerate(policy.port_level):
        if part.port == port:
            return f"{base}.portLevelSettings[{number}]", True
    return base, False


def policies_in(rule: DestinationRule) -> Iterator[tuple[str, TrafficPolicy]]:
    """Every policy that is written in a rule, with its field."""
    written = [(TOP, rule.traffic_policy)]
    written += [(f"spec.subsets[{n}].trafficPolicy", each.traffic_policy) for n, each in enumerate(rule.subsets)]
    for base, policy in written:
        if policy is not None:
            yield base, policy
            for number, part in enumerate(policy.port_level):
                yield f"{base}.portLevelSettings[{number}]", part.policy


def is_refused(setting: LocalitySetting, profile: Profile) -> bool:
    """Whether the profile refuses the blocks that stand together in it, so that none has an effect (DR-2)."""
    try:
        check_mixing(setting, profile)
    except InvalidValueError:
        return True
    return False
