"""In what words is it told what holds, and why? The lines under a heading of a report."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from meshtier.dataplane import EjectionBounds, PriorityBounds
from meshtier.mesh.effective_rule import EffectiveRule
from meshtier.precedence import ANNOTATION, Level, Resolution, Setting
from meshtier.rules import EffectiveSetting, OutlierDetection

if TYPE_CHECKING:
    from meshtier.mesh.route import Route

_MOST_PRIORITIES: Final = 3
"""Of how many priorities it is told what ejections make of them."""

NOT_COMPUTED: Final = (
    "ztunnel by default ejects endpoints to which connections fail; its constants are not published, and this is not"
    " computed [OD-3]. HTTP 500s do not count there [OD-4]"
)
"""What is said of outlier detection where a ztunnel chooses that has it."""

_LOCAL: Final = Level.INTERNAL_TRAFFIC_POLICY


def headline(route: "Route") -> str:
    """What holds, as a heading."""
    if route.passthrough:
        return f"passed through: {route.passthrough}"
    if route.effective_rule.found is not None and route.effective_rule.decides:
        return f"{route.effective_rule.title} holds"
    name = distribution_text(route.resolution)
    return f"{name} holds" if route.resolution.obeyed else f"{name} is set, and not obeyed here [MODE-3]"


def distribution_text(resolution: Resolution) -> str:
    """Traffic distribution in a word or two."""
    if resolution.source.level is _LOCAL:
        return "internalTrafficPolicy: Local"
    name = resolution.title.removesuffix(", strict")
    return f"strict {name}" if resolution.strict else name


def why_lines(route: "Route") -> Iterator[str]:
    """What made it hold: the rule or the setting, where it stands, and what it overrides."""
    resolution, rule = route.resolution, route.effective_rule
    yield from _rule_lines(rule)
    source = resolution.source
    if rule.decides:
        text = _setting_text(source) if source.field else f"the default of {source.object}"
        held = f"{distribution_text(resolution)}, {text} [{source.level.rule}]"
        state = "out of force [PREC-5]" if resolution.obeyed else "not obeyed here [MODE-3]"
        yield f"traffic distribution is {state}: {held}"
    else:
        yield set_by(resolution)
    for lost in resolution.overridden:
        yield f"overrides {_setting_text(lost)}"
    if not rule.decides:
        compared = " > ".join(scope.value for scope in resolution.scopes) or "nothing: all endpoints are alike"
        yield f"{'all must match' if resolution.strict else 'compares'}: {compared}"


def _rule_lines(rule: EffectiveRule) -> Iterator[str]:
    found = rule.found
    if found is None:
        return
    names = " + ".join(each.title for each in found.sources)
    yield f"found {names} ({found.match.value} match of {found.host!r}, in {found.asked.value})"
    if rule.subset is not None:
        yield f"subset {rule.subset.name}"
    if rule.decides:
        yield from _setting_lines(rule.setting)
    yield _outlier_line(rule.outlier_detection)
    for lost in found.shadowed:
        yield f"overrides {lost.rule.title} (host {lost.rule.host}): {lost.reason.value}"


def _setting_lines(effective: EffectiveSetting) -> Iterator[str]:
    setting = effective.setting
    if setting is None:
        yield f"{effective.source.value} puts every endpoint in one level"
        return
    for rule in effective.distribute:
        shares = ", ".join(f"{pattern} {weight} %" for pattern, weight in rule.to) or "nowhere"
        yield f"distribute from {rule.origin}: {shares}"
    if effective.distribute:
        return
    if effective.zone_aware is not None:
        yield "zone-aware routing within the client's region"
    if setting.failover_priority:
        yield f"failoverPriority: {', '.join(setting.failover_priority)}"
    for failover in setting.failover:
        yield f"failover from region {failover.from_region} to {failover.to_region}"
    if effective.zone_aware is None and not (setting.failover_priority or setting.failover):
        yield "locality failover: same subzone, zone, region, then anywhere"
    if not effective.failover:
        yield "not in force, for there is no outlierDetection"


def _outlier_line(detection: OutlierDetection | None) -> str:
    if detection is None:
        return "no outlierDetection"
    limits = detection.limits
    counts = [
        f"{what} {count} times in a row"
        for count, what in (
            (limits.consecutive_5xx, "5xx"),
            (limits.consecutive_gateway, "502/503/504"),
            (limits.consecutive_local_origin, "failures to connect"),
        )
        if count
    ]
    return (
        f"outlierDetection: {' or '.join(counts) or 'nothing'} ejects for {limits.base_ejection_time_s:g} s,"
        f" at most {limits.max_ejection_percent} % at once, swept every {limits.interval_s:g} s"
    )


def ejection_lines(bounds: EjectionBounds) -> Iterator[str]:
    """What outlier detection can do at an Envoy: how many hosts may be out, how long, and where traffic then goes."""
    most = bounds.most_ejected
    if not most:
        yield f"{bounds.reason} [OD-2]"
        return
    percent = bounds.limits.max_ejection_percent
    yield f"up to {most} of {bounds.hosts} hosts may be out at once (maxEjectionPercent {percent}) [OD-2]"
    yield (
        f"a host is back {bounds.first_return_s:g} s after its first ejection at the latest,"
        f" and {bounds.longest_return_s:g} s after any [OD-1]"
    )
    if bounds.error_codes:
        yield f"no status is an error but {', '.join(map(str, sorted(bounds.error_codes)))}"
    if bounds.nearest is None:
        yield bounds.reason
        return
    nearest = bounds.of(bounds.nearest)
    if bounds.target is None or not nearest.can_be_emptied:
        yield _nearest_line(nearest, most)
    further = [each for each in bounds.priorities if each.nearer and each.priority > nearest.priority]
    for each in further[:_MOST_PRIORITIES]:
        yield _priority_line(each, why=nearest.can_be_emptied or not each.healthy)
    if rest := further[_MOST_PRIORITIES:]:
        yield f"… and {len(rest)} more priorities"


def _nearest_line(nearest: PriorityBounds, most: int) -> str:
    """Whether all hosts of the nearest priority may be out, where no line on a further one tells it."""
    name = f"priority {nearest.priority}"
    if not nearest.can_be_emptied:
        return f"{name} cannot be emptied: {nearest.healthy} of its hosts can take traffic, and {most} may be out"
    return f"{name} can be emptied, and there is no other to go to: with {nearest.healthy} ejected requests fail"


def _priority_line(each: PriorityBounds, *, why: bool) -> str:
    """From how many ejected hosts on a priority gets traffic, and *why* it never does."""
    name, reason = f"priority {each.priority}", f": {each.reason}" if why else ""
    if each.some_from is None:
        return f"{name} gets nothing by ejections{reason} [LOAD-2]"
    if each.some_from == each.all_from:
        return f"{name} gets all traffic {_once(each.some_from, each)} [LOAD-2]"
    some = _once(each.some_from, each) if each.some_from else "now"
    if each.all_from is None:
        return f"{name} gets traffic {some}, and never all of it{reason} [LOAD-2]"
    every = f"once {each.all_from} are" if each.some_from else _once(each.all_from, each)
    return f"{name} gets traffic {some}, and all of it {every} [LOAD-2]"


def _once(count: int, each: PriorityBounds) -> str:
    return f"once {count} of {each.nearer} before it {'is' if count == 1 else 'are'} ejected"


def _setting_text(setting: Setting) -> str:
    # Of an annotation a reader wants the name; the data have the path of the field.
    name = setting.field.replace(f"metadata.annotations[{ANNOTATION}]", f"annotation {ANNOTATION}")
    return f"{f'{setting.object} {name}' if setting.object else setting.level}: {setting.value}"


def set_by(resolution: Resolution) -> str:
    """Where the traffic distribution that holds was set, as a line."""
    source = resolution.source
    text = _setting_text(source) if source.field else f"the default of {source.object}"
    return f"{'set by' if source.field else 'nothing is set, so it is'} {text} [{source.level.rule}]"
