"""In which tier is each endpoint of a route, where several choose it and see it in different ones?"""

from collections import defaultdict
from collections.abc import Mapping

from meshtier.display.graph import LEAST
from meshtier.mesh import Route, Row


def chosen_tiers(route: Route) -> Mapping[str, frozenset[int]]:
    """The numbers of the tiers of each endpoint, by the id under which it is chosen (see `Route.told`).

    Of several pods of a waypoint those count that send to the endpoint: what is in
    the nearest tier of the pod in its zone is in another tier of the other pods, as
    which it gets nothing. Where none sends to it, all count. A host that is passed
    through has no tiers.

    Cost: O(n) for each that chooses.
    """
    if route.passthrough:
        return {}
    used: defaultdict[str, set[int]] = defaultdict(set)
    known: defaultdict[str, set[int]] = defaultdict(set)
    hops = route.waypoint_hops if route.deciding is not route else ()
    for each in [hop.route for hop in hops] or [route.deciding]:
        for tier in each.tiers:
            for endpoint in tier.endpoints:
                known[endpoint.id].add(tier.number)
                if each.told[endpoint.id] > LEAST:
                    used[endpoint.id].add(tier.number)
    return {name: frozenset(used.get(name) or tiers) for name, tiers in known.items()}


def tiers_of(row: Row, tiers: Mapping[str, frozenset[int]]) -> frozenset[int]:
    """The tiers of a row: those of the network endpoint that it is behind, or its own."""
    return tiers.get(row.through or row.endpoint.id, frozenset())


def tiers_text(tiers: frozenset[int]) -> str:
    """Tiers in a word.

    >>> tiers_text(frozenset({1, 0})), tiers_text(frozenset())
    ('P0+P1', '')
    """
    return "+".join(f"P{tier}" for tier in sorted(tiers))
