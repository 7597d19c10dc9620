"""How near must traffic stay? The modes of traffic distribution, as one table."""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Self

from typing_extensions import override

from meshtier.errors import InvalidValueError
from meshtier.locality import SCOPES, Scope


class TrafficDistribution(enum.Enum):
    """A mode: which scopes are compared, in order, before traffic may go further (MODE).

    The value is the word used in manifests.

    Attributes:
        depth: How many scopes count, from the network inwards; 0 to 5. Every
            mode compares a prefix of `SCOPES`, which is why one number says it all.
    """

    depth: int

    ANY = "Any", 0  # to spread evenly, wherever the endpoints are
    PREFER_NETWORK = "PreferNetwork", 1  # to stay off the east-west gateways
    PREFER_REGION = "PreferRegion", 2  # to pay for zones but not for regions
    PREFER_SAME_ZONE = "PreferSameZone", 3  # to stay in the zone while it can serve
    PREFER_SAME_NODE = "PreferSameNode", 5  # for node-local caches and agents

    def __new__(cls, value: str, depth: int) -> Self:
        """A member that carries its row of the table."""
        member = object.__new__(cls)
        member._value_ = value
        member.depth = depth
        return member

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The scopes that are compared, in order; ``()`` for `ANY`.

        >>> [scope.value for scope in TrafficDistribution.PREFER_SAME_ZONE.scopes]
        ['network', 'region', 'zone']
        """
        return SCOPES[: self.depth]

    @classmethod
    def parse(cls, text: str) -> "TrafficDistribution":
        """The mode with this manifest spelling, without regard to case (MODE-1).

        ``PreferClose`` is another name of ``PreferSameZone``.

        Raises:
            InvalidValueError: No mode is called so; the message lists those that there are.

        >>> TrafficDistribution.parse("preferclose")
        <TrafficDistribution.PREFER_SAME_ZONE>
        """
        mode = MODE_NAMES.get(text.lower()) if isinstance(text, str) else None
        if mode is None:
            allowed = ", ".join([*(mode.value for mode in cls), "PreferClose"])
            raise InvalidValueError(f"expected one of {allowed}, got {text!r}", "traffic distribution")
        return mode

    @override
    def __str__(self) -> str:
        return str(self.value)

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__}.{self.name}>"


MODE_ALIASES: Final[Mapping[str, TrafficDistribution]] = MappingProxyType(
    {"PreferClose": TrafficDistribution.PREFER_SAME_ZONE}
)
"""Other names in manifests, each with the mode that it means (MODE)."""

MODE_NAMES: Final[Mapping[str, TrafficDistribution]] = MappingProxyType(
    {
        **{mode.value.lower(): mode for mode in TrafficDistribution},
        **{alias.lower(): mode for alias, mode in MODE_ALIASES.items()},
    }
)
"""Every name of every mode in lower case."""
