"""The baseline of loading: the fields that matter, decoded by msgspec into typed structs, and nothing else."""

import msgspec


class Meta(msgspec.Struct):
    name: str
    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Condition(msgspec.Struct):
    type: str
    status: str


class PodSpec(msgspec.Struct):
    nodeName: str = ""  # noqa: N815 - as in the dump


class PodStatus(msgspec.Struct):
    phase: str = ""
    podIP: str = ""  # noqa: N815
    conditions: list[Condition] = []


class Pod(msgspec.Struct, tag_field="kind", tag=True):
    metadata: Meta
    spec: PodSpec
    status: PodStatus


class Node(msgspec.Struct, tag_field="kind", tag=True):
    metadata: Meta


class Namespace(msgspec.Struct, tag_field="kind", tag=True):
    metadata: Meta


class GatewaySpec(msgspec.Struct):
    gatewayClassName: str = ""  # noqa: N815


class Gateway(msgspec.Struct, tag_field="kind", tag=True):
    metadata: Meta
    spec: GatewaySpec


class Port(msgspec.Struct):
    port: int
    name: str = ""


class ServiceSpec(msgspec.Struct):
    selector: dict[str, str] = {}
    ports: list[Port] = []
    trafficDistribution: str = ""  # noqa: N815


class Service(msgspec.Struct, tag_field="kind", tag=True):
    metadata: Meta
    spec: ServiceSpec


class Conditions(msgspec.Struct):
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class Target(msgspec.Struct):
    kind: str
    name: str


class SliceEndpoint(msgspec.Struct):
    addresses: list[str]
    conditions: Conditions
    nodeName: str = ""  # noqa: N815
    targetRef: Target | None = None  # noqa: N815


class EndpointSlice(msgspec.Struct, tag_field="kind", tag=True):
    metadata: Meta
    endpoints: list[SliceEndpoint]


class Dump(msgspec.Struct):
    items: list[Pod | Node | Namespace | Gateway | Service | EndpointSlice]


def decode(raw: bytes) -> Dump:
    """A dump of `benchmarks.fleet.kubernetes_dump`, decoded."""
    return msgspec.json.decode(raw, type=Dump)
