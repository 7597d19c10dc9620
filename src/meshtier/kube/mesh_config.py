"""What holds for a whole mesh? The part of the ConfigMap ``istio`` that choices rest on."""

from collections.abc import Iterator, Mapping
from typing import Final

from attrs import frozen

from meshtier.errors import InputError, InvalidValueError, MeshError, Problem
from meshtier.kube import schema
from meshtier.kube.decode import in_short, is_mapping
from meshtier.kube.places import SYSTEM_NAMESPACE
from meshtier.kube.sources import yaml_documents
from meshtier.note import Note
from meshtier.rules import LocalitySetting
from meshtier.rules.fields import FieldReader, Problems

NAME: Final = "istio"
"""The ConfigMap of the default revision.

Source: istio/istio manifests/charts/istio-control/istio-discovery/templates/configmap.yaml, at 86c9f01.
"""
_TITLE: Final = f"ConfigMap {SYSTEM_NAMESPACE}/{NAME}"
_SELF_DISCOVERY: Final = "ISTIO_META_ENABLE_SELF_DISCOVERY"
"""Source: istio/istio pilot/cmd/pilot-agent/options/options.go, EnableSelfDiscovery, at 86c9f01; off by default."""


@frozen(kw_only=True)
class MeshConfig:
    """The settings of a mesh.

    Attributes:
        locality: Its ``localityLbSetting``; ``None`` if it says nothing.
        self_discovery: Whether proxies are told of their own peers.
        notes: What could not be read.
    """

    locality: LocalitySetting | None = None
    self_discovery: bool = False
    notes: tuple[Note, ...] = ()


def mesh_config(found: schema.ConfigMap | None) -> MeshConfig:
    """What the ConfigMap says; where it cannot be read, the defaults with a note."""
    text = found.data.mesh if found is not None and found.data is not None else None
    if not text:
        return MeshConfig()
    try:
        return _config(_parsed(text))
    except MeshError as error:
        said = "; ".join(each.problem for each in error.problems) if isinstance(error, InputError) else str(error)
        return MeshConfig(notes=(Note("mesh-config-unread", f"data.mesh: {said}; the defaults are taken", _TITLE),))


def _parsed(text: str) -> Mapping[str, object]:
    for document in yaml_documents(text):
        if isinstance(document, Problem):
            raise InputError([document])
        if is_mapping(document.value):
            return document.value
        raise InvalidValueError(f"expected a mapping, got {in_short(document.value)}")
    return {}


def _config(mesh: Mapping[str, object]) -> MeshConfig:
    problems = Problems(object_name=_TITLE, strict=False)
    reader = FieldReader(mesh, problems)
    block = reader.section("localityLbSetting")
    locality = LocalitySetting.read(block) if block is not None else None
    problems.check()
    said = next(_walk(mesh, ("defaultConfig", "proxyMetadata", _SELF_DISCOVERY)), "")
    return MeshConfig(locality=locality, self_discovery=str(said).lower() in ("true", "1"), notes=problems.notes)


def _walk(value: object, keys: tuple[str, ...]) -> Iterator[object]:
    for key in keys:
        if not is_mapping(value) or key not in value:
            return
        value = value[key]
    yield value
