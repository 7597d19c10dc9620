"""Which setting holds? The levels where a mode can be set, and who beats whom.

`resolve` takes the texts as they stand in the manifests and says which one
holds, which it overrode, and what was doubtful about the rest.
"""

import enum
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from attrs import evolve, frozen
from typing_extensions import override

from meshtier.component import COMPONENTS, Component, Traits
from meshtier.distribution import MODE_NAMES, TrafficDistribution
from meshtier.errors import InvalidValueError, check_type
from meshtier.locality import Scope
from meshtier.note import Note
from meshtier.preference import Preference
from meshtier.profile import SOLO, Profile
from meshtier.public import publish
from meshtier.table import Table, one_line

ANNOTATION: Final = "networking.istio.io/traffic-distribution"
"""The annotation that sets a mode on a Service, a ServiceEntry or a Namespace (MODE-1)."""


class Level(enum.Enum):
    """Where a setting can stand, from the highest precedence to the lowest (PLANE, PREC-1, PREC-3)."""

    DUMP = "ztunnel dump"
    INTERNAL_TRAFFIC_POLICY = "Service spec.internalTrafficPolicy"
    SERVICE_SPEC = "Service spec.trafficDistribution"
    SERVICE_ANNOTATION = "Service annotation"
    SERVICE_ENTRY_ANNOTATION = "ServiceEntry annotation"
    NAMESPACE_ANNOTATION = "Namespace annotation"
    DEFAULT = "default"

    @property
    def field_path(self) -> str:
        """The field of the object in which a setting of this level stands; ``""`` for the default."""
        match self:
            case Level.DUMP:
                return "loadBalancer.routingPreferences"
            case Level.INTERNAL_TRAFFIC_POLICY:
                return "spec.internalTrafficPolicy"
            case Level.SERVICE_SPEC:
                return "spec.trafficDistribution"
            case Level.DEFAULT:
                return ""
            case _:
                return f"metadata.annotations[{ANNOTATION}]"

    @property
    def rule(self) -> str:
        """The number of the rule that says that a setting of this level counts."""
        match self:
            case Level.DUMP:
                return "PLANE"
            case Level.INTERNAL_TRAFFIC_POLICY:
                return "PREC-3"
            case Level.DEFAULT:
                return "COMP-2"
            case _:
                return "PREC-1"

    @override
    def __str__(self) -> str:
        return str(self.value)


@frozen(kw_only=True)
class Setting:
    """One setting, as it was found.

    Attributes:
        level: Where it stands.
        value: The text as written; for the default, the mode's name; for a
            dump, its list, as in ``Network, Region``, or ``none``.
        object: The object that holds it, as in ``Service bookinfo/reviews``;
            ``""`` where the caller gave plain values. For the default, what it
            is the default of, as in ``ztunnel for a global service``.
    """

    level: Level
    value: str
    object: str = ""

    @property
    def field(self) -> str:
        """The field of the object; ``""`` for the default."""
        return self.level.field_path

    @override
    def __str__(self) -> str:
        if self.level is Level.DEFAULT:
            return f"default of {self.object}"
        value = one_line(self.value)
        return f"{self.object} {self.field}: {value}" if self.object else f"{self.level}: {value}"


@frozen(kw_only=True)
class Resolution:
    """Which setting holds, and why (PREC-6).

    Attributes:
        mode: The mode in force; ``None`` where a ztunnel dump gives a list of
            scopes that no mode of the profile has. For ``internalTrafficPolicy:
            Local`` it is `PREFER_SAME_NODE`, of which only the full match counts.
        preference: What sorts endpoints into tiers: what is compared, in what
            order, and whether all of it must match. It is there in any case.
        source: The setting that won.
        overridden: The valid settings that lost, highest precedence first.
        notes: What was doubtful.
        component: The component that it was resolved for.
        profile: Whose rules it was resolved by.
        obeyed: Whether the component obeys traffic distribution under the
            profile. Where it does not, *mode* and *source* are what is set all
            the same, and *preference* compares nothing (MODE-3).
    """

    mode: TrafficDistribution | None
    preference: Preference
    source: Setting
    overridden: tuple[Setting, ...] = ()
    notes: tuple[Note, ...] = ()
    component: Component = Component.ZTUNNEL
    profile: Profile = SOLO
    obeyed: bool = True

    @property
    def strict(self) -> bool:
        """Whether endpoints that miss a scope are excluded, as for ``internalTrafficPolicy: Local`` (PREC-3)."""
        return self.preference.strict

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """What is compared, in order; ``()`` where any endpoint will do."""
        return self.preference.scopes

    @property
    def title(self) -> str:
        """What holds, in a word or two."""
        if self.source.level is Level.INTERNAL_TRAFFIC_POLICY:
            return "Local, strict"
        listed = " > ".join(scope.value for scope in self.scopes) or self.source.value
        name = self.mode.value if self.mode is not None else listed
        return f"{name}, strict" if self.strict else name

    def to_table(self) -> Table:
        """The settings as a table, the one that holds first."""
        rows = [("holds", str(self.source.level), self.source.object, self.source.value)]
        rows += [("overridden", str(setting.level), setting.object, setting.value) for setting in self.overridden]
        return Table(
            title=repr(self)[1:-1],
            columns=("", "where", "object", "value"),
            rows=rows,
            notes=tuple(str(note) for note in self.notes),
        )

    def _repr_html_(self) -> str:
        return self.to_table().first().to_html()

    @override
    def __repr__(self) -> str:
        overridden = f"; overrides {len(self.overridden)}" if self.overridden else ""
        notes = f"; notes: {len(self.notes)}" if self.notes else ""
        return f"<Resolution {self.title} by {self.source}{overridden}{notes}>"


def resolve(
    *,
    spec: str | None = None,
    service_annotation: str | None = None,
    service_entry_annotation: str | None = None,
    namespace_annotation: str | None = None,
    internal_traffic_policy: str | None = None,
    preference: Preference | None = None,
    component: Component = Component.ZTUNNEL,
    global_service: bool = False,
    profile: Profile = SOLO,
    defaults: Mapping[Component, Traits] = COMPONENTS,
    objects: Mapping[Level, str] | None = None,
) -> Resolution:
    """The setting that holds for a service, and why (PREC-1 to PREC-3, PREC-6, COMP-2, MODE-1, MODE-2).

    Args:
        spec: The Service's ``spec.trafficDistribution``; ``None`` if absent.
        service_annotation: The Service's annotation; ``None`` and ``""`` count as not set.
        service_entry_annotation: The ServiceEntry's annotation; ``None`` and ``""`` count as not set.
        namespace_annotation: The Namespace's annotation, which only some profiles read.
        internal_traffic_policy: The Service's ``spec.internalTrafficPolicy``;
            only ``Local``, in this case, makes a difference.
        preference: What a ztunnel was told, from its dump; it holds as it
            stands, but that the profile says what another network means.
        component: Who chooses.
        global_service: Whether the service is global (COMP-3).
        profile: Whose rules.
        defaults: The table that gives the mode where nothing is set (COMP-2).
        objects: Names for the holders of the settings, to appear in the answer.

    Returns:
        The answer names exactly one source. A text that means nothing here is
        no error: it is ignored (in the spec) or means ``Any`` (in an
        annotation), with a note.

    Raises:
        InvalidValueError: An argument is of the wrong type, or *defaults* lacks the component.

    Source: istio/istio pilot/pkg/model/service.go, GetTrafficDistribution, at 86c9f01,
    for spec, annotation and namespace; that internalTrafficPolicy comes first is in
    pilot/pkg/serviceregistry/ambient/services.go, constructService. A ServiceEntry
    has no spec field: conversion.go of pilot/pkg/serviceregistry/serviceentry passes none.

    >>> resolve(spec="PreferClose", service_annotation="PreferNetwork")
    <Resolution PreferSameZone by Service spec.trafficDistribution: PreferClose; overrides 1>
    """
    texts = {
        Level.INTERNAL_TRAFFIC_POLICY: internal_traffic_policy,
        Level.SERVICE_SPEC: spec,
        Level.SERVICE_ANNOTATION: service_annotation,
        Level.SERVICE_ENTRY_ANNOTATION: service_entry_annotation,
        Level.NAMESPACE_ANNOTATION: namespace_annotation,
    }
    check_type(profile, Profile, "profile")
    check_type(global_service, bool, "global_service")
    if preference is not None:
        check_type(preference, Preference, "preference")
    traits = defaults.get(component)
    if traits is None:
        raise InvalidValueError(f"expected one of {', '.join(map(repr, defaults))}, got {component!r}", "component")
    is_global = global_service and profile.global_services
    default = traits.global_default_mode if is_global else traits.default_mode
    default_of = f"{component.value} for a global service" if is_global else component.value
    names = objects or {}
    notes: list[Note] = []
    found: list[tuple[Setting, TrafficDistribution | None, Preference]] = []
    if preference is not None:
        setting = Setting(level=Level.DUMP, value=_listed(preference), object=names.get(Level.DUMP, ""))
        # The list is what the ztunnel was told. What a network in its first place means is code, and so differs by
        # version: istio/ztunnel src/state.rs, load_balance, at 0b09310 (flat) and at 62d8265 (ranked).
        found.append((setting, _mode_of(preference, profile), evolve(preference, cross_network=profile.cross_network)))
    for level, text in texts.items():
        _check_text(level, text)
        if not text:
            continue
        mode, note = _READERS[level](text, profile, level)
        if note is not None:
            notes.append(evolve(note, object=names.get(level, "")))
        if mode is not None:
            setting = Setting(level=level, value=text, object=names.get(level, ""))
            found.append((setting, mode, _preference_of(level, mode, profile)))
    setting = Setting(level=Level.DEFAULT, value=default.value, object=default_of)
    found.append((setting, default, Preference.of_mode(default, profile=profile)))
    (source, mode, held), *lost = found
    is_distribution = source.level is not Level.INTERNAL_TRAFFIC_POLICY and mode is not TrafficDistribution.ANY
    obeyed = profile.envoys_obey_distribution or not (traits.is_told_priorities and is_distribution)
    return Resolution(
        mode=mode,
        preference=held if obeyed else Preference((), profile.cross_network),
        source=source,
        overridden=tuple(setting for setting, *_ in lost if setting.level is not Level.DEFAULT),
        notes=tuple(notes),
        component=component,
        profile=profile,
        obeyed=obeyed,
    )


def _preference_of(level: Level, mode: TrafficDistribution, profile: Profile) -> Preference:
    """What is compared where *mode* is set at this level."""
    if level is Level.INTERNAL_TRAFFIC_POLICY:
        return Preference(profile.local_scopes, profile.cross_network, strict=True)
    return Preference.of_mode(mode, profile=profile)


def _mode_of(preference: Preference, profile: Profile) -> TrafficDistribution | None:
    """The mode that compares exactly these scopes; ``None`` if there is none."""
    return next((mode for mode in TrafficDistribution if profile.scopes(mode) == preference.scopes), None)


def _listed(preference: Preference) -> str:
    """The scopes as a dump has them."""
    return ", ".join(scope.value.title() for scope in preference.scopes) or "none"


def _check_text(level: Level, text: object) -> None:
    if text is not None and not isinstance(text, str):
        raise InvalidValueError(f"expected a string or None, got {text!r}", _ARGUMENTS[level])


_ARGUMENTS: Final = {
    Level.INTERNAL_TRAFFIC_POLICY: "internal_traffic_policy",
    Level.SERVICE_SPEC: "spec",
    Level.SERVICE_ANNOTATION: "service_annotation",
    Level.SERVICE_ENTRY_ANNOTATION: "service_entry_annotation",
    Level.NAMESPACE_ANNOTATION: "namespace_annotation",
}
_Reading = tuple[TrafficDistribution | None, Note | None]


def _read_policy(text: str, profile: Profile, level: Level) -> _Reading:
    del profile, level  # every profile knows the same words
    if text == "Local":
        return TrafficDistribution.PREFER_SAME_NODE, None
    if text == "Cluster":
        return None, None
    return None, Note(
        "internal-traffic-policy-unknown", f"internalTrafficPolicy is 'Cluster' or 'Local'; {text!r} restricts nothing"
    )


def _read_spec(text: str, profile: Profile, level: Level) -> _Reading:
    del level
    # GetTrafficDistribution compares the field as it is written, and goes on to the annotation if it fits nothing.
    mode = profile.spec_values.get(text)
    if mode is not None:
        return mode, None
    allowed = ", ".join(profile.spec_values)
    known = MODE_NAMES.get(text.strip().lower())
    if known is None:
        why = f"{text!r} is no mode"
    elif any(value.lower() == text.strip().lower() for value in profile.spec_values):
        why = f"{text!r} is not written as the field wants it, which is case-sensitive"
    else:
        why = f"{text!r} can be set only by the annotation under profile {profile.name}"
    return None, Note("spec-value", f"spec.trafficDistribution is ignored: {why}; the field accepts {allowed}")


def _read_annotation(text: str, profile: Profile, level: Level) -> _Reading:
    # GetTrafficDistribution lowers the annotation, and returns Any, with a warning in its log, if it fits nothing:
    # an unknown word here hides the levels below.
    mode = profile.annotation_values.get(text.lower())
    if mode is not None:
        return mode, None
    if text.lower() == TrafficDistribution.ANY.value.lower():
        return TrafficDistribution.ANY, None
    known = f"is unknown to profile {profile.name}" if text.lower() in MODE_NAMES else "is no mode"
    return TrafficDistribution.ANY, Note("unknown-mode", f"the {level.value} {text!r} {known}, and so means Any")


def _read_namespace_annotation(text: str, profile: Profile, level: Level) -> _Reading:
    if profile.namespace_annotation:
        return _read_annotation(text, profile, level)
    return None, Note("namespace-needs-version", f"profile {profile.name} does not read the annotation of a Namespace")


_READERS: Final[Mapping[Level, Callable[[str, Profile, Level], _Reading]]] = {
    Level.INTERNAL_TRAFFIC_POLICY: _read_policy,
    Level.SERVICE_SPEC: _read_spec,
    Level.SERVICE_ANNOTATION: _read_annotation,
    Level.SERVICE_ENTRY_ANNOTATION: _read_annotation,
    Level.NAMESPACE_ANNOTATION: _read_namespace_annotation,
}


def precedence_table(*, profile: Profile = SOLO) -> Table:
    """The levels at which a mode can be set, from highest to lowest, each with what it accepts (PREC-1, MODE)."""
    spelled = {name: mode.value for name, mode in MODE_NAMES.items()} | {"preferclose": "PreferClose"}
    annotation = ", ".join(dict.fromkeys([*(spelled[name] for name in profile.annotation_values), "Any"]))
    accepts = {
        Level.INTERNAL_TRAFFIC_POLICY: "Local (strict: no failover)",
        Level.SERVICE_SPEC: ", ".join(profile.spec_values),
        Level.SERVICE_ANNOTATION: annotation,
        Level.SERVICE_ENTRY_ANNOTATION: annotation,
        Level.NAMESPACE_ANNOTATION: annotation if profile.namespace_annotation else "not read",
        Level.DEFAULT: ", ".join(_defaults(profile)),
    }
    return Table(
        title=f"precedence under profile {profile.name}, highest first",
        columns=("where", "accepts"),
        rows=[(str(level), text) for level, text in accepts.items()],
    )


def _defaults(profile: Profile) -> Iterator[str]:
    traits = COMPONENTS[Component.ZTUNNEL]
    yield traits.default_mode.value
    if profile.global_services:
        yield f"{traits.global_default_mode.value} for a global service"


publish(__name__)
