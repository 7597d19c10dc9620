"""Laws of precedence (PREC), over every profile and component, and over any text."""

from collections.abc import Mapping

from hypothesis import example, given
from hypothesis import strategies as st
from tests.strategies import LEVEL_OF, setting_texts, settings_by_argument, words

from meshtier.component import Component
from meshtier.precedence import Level, Resolution, resolve
from meshtier.profile import PROFILES, Profile

Texts = Mapping[str, str | None]

profiles = st.sampled_from(list(PROFILES.values()))
components = st.sampled_from(Component)

# An oracle written from MODE, MODE-1, MODE-2 and PREC-1 to PREC-3, word by word.
SPEC_WORDS = {
    "solo": {"PreferClose": "PreferSameZone", "PreferSameZone": "PreferSameZone"},
    "istio-1.24": {"PreferClose": "PreferSameZone"},
    "istio-1.27": {
        "PreferClose": "PreferSameZone",
        "PreferSameZone": "PreferSameZone",
        "PreferSameNode": "PreferSameNode",
    },
}
SPEC_WORDS |= {f"istio-1.{minor}": SPEC_WORDS["istio-1.24"] for minor in (25, 26)}
SPEC_WORDS |= {f"istio-1.{minor}": SPEC_WORDS["istio-1.27"] for minor in range(28, 32)}
ISTIO_WORDS = {
    "preferclose": "PreferSameZone",
    "prefersamezone": "PreferSameZone",
    "prefersamenode": "PreferSameNode",
}
SOLO_WORDS = ISTIO_WORDS | {"prefernetwork": "PreferNetwork", "preferregion": "PreferRegion", "any": "Any"}
BEFORE_1_27 = {"istio-1.24", "istio-1.25", "istio-1.26"}
READS_NAMESPACES = {"istio-1.30", "istio-1.31"}


def expected(texts: Texts, profile: Profile, *, global_service: bool) -> tuple[str, Level]:
    if texts["internal_traffic_policy"] == "Local":
        return "PreferSameNode", Level.INTERNAL_TRAFFIC_POLICY
    if (spec := texts["spec"]) in SPEC_WORDS[profile.name]:
        return SPEC_WORDS[profile.name][str(spec)], Level.SERVICE_SPEC
    annotation_words = SOLO_WORDS if profile.name == "solo" else ISTIO_WORDS
    if profile.name in BEFORE_1_27:
        annotation_words = {"preferclose": "PreferSameZone"}
    for argument in ("service_annotation", "service_entry_annotation", "namespace_annotation"):
        text = texts[argument]
        if text and (argument != "namespace_annotation" or profile.name in READS_NAMESPACES):
            return annotation_words.get(text.lower(), "Any"), LEVEL_OF[argument]
    return ("PreferNetwork" if global_service and profile.name == "solo" else "Any"), Level.DEFAULT


def answer(
    texts: Texts, *, profile: Profile, component: Component = Component.ZTUNNEL, global_service: bool = False
) -> Resolution:
    return resolve(
        internal_traffic_policy=texts["internal_traffic_policy"],
        spec=texts["spec"],
        service_annotation=texts["service_annotation"],
        service_entry_annotation=texts["service_entry_annotation"],
        namespace_annotation=texts["namespace_annotation"],
        component=component,
        global_service=global_service,
        profile=profile,
    )


def mode_of(resolution: Resolution) -> str:
    assert resolution.mode is not None, "only a ztunnel dump can have a list that no mode has"
    return str(resolution.mode.value)


def outcome(resolution: Resolution) -> tuple[str, bool, Level, str]:
    source = resolution.source
    return mode_of(resolution), resolution.strict, source.level, source.value


@given(texts=settings_by_argument, profile=profiles, component=components, global_service=st.booleans())
def test_any_settings_resolve_as_the_rules_say(
    texts: Texts, profile: Profile, component: Component, global_service: bool
) -> None:
    resolution = answer(texts, profile=profile, component=component, global_service=global_service)
    assert (mode_of(resolution), resolution.source.level) == expected(texts, profile, global_service=global_service)
    assert resolution.strict == (texts["internal_traffic_policy"] == "Local")
    assert (resolution.profile, resolution.component) == (profile, component)


@given(texts=settings_by_argument, lower=setting_texts, profile=profiles)
def test_adding_a_setting_of_lower_precedence_never_changes_the_mode(
    texts: Texts, lower: str | None, profile: Profile
) -> None:
    """PREC-1: "From highest to lowest"."""
    order = list(Level)
    before = answer(texts, profile=profile)
    for argument, level in LEVEL_OF.items():
        if order.index(level) > order.index(before.source.level):
            assert outcome(answer({**texts, argument: lower}, profile=profile)) == outcome(before)


@given(texts=settings_by_argument, profile=profiles)
def test_the_answer_names_exactly_one_source(texts: Texts, profile: Profile) -> None:
    """PREC-6: the answer tells the winning setting, "its source", and "every setting it overrode"."""
    resolution = answer(texts, profile=profile)
    order = list(Level)
    levels = [order.index(setting.level) for setting in (resolution.source, *resolution.overridden)]
    assert levels == sorted(set(levels)), "each level once, highest first"
    by_level = {level: texts[argument] for argument, level in LEVEL_OF.items()}
    for setting in (resolution.source, *resolution.overridden):
        assert setting.value == by_level.get(setting.level, mode_of(resolution))


@given(texts=settings_by_argument, profile=profiles)
def test_no_setting_disappears_in_silence(texts: Texts, profile: Profile) -> None:
    """PREC-6: what is set is the source, was overridden, or has a note; but for the policy that restricts nothing."""
    resolution = answer(texts, profile=profile)
    told = {setting.level for setting in (resolution.source, *resolution.overridden)}
    untold = {argument for argument, text in texts.items() if text and LEVEL_OF[argument] not in told}
    if texts["internal_traffic_policy"] == "Cluster":  # the default, said aloud
        untold.remove("internal_traffic_policy")
    passed_over = [note for note in resolution.notes if not note.text.endswith("means Any")]
    assert len(passed_over) == len(untold)


@given(texts=settings_by_argument, profile=profiles, component=components)
def test_internal_traffic_policy_local_beats_all_others(texts: Texts, profile: Profile, component: Component) -> None:
    """PREC-3: "`internalTrafficPolicy: Local` on the Service beats all of these: strict"."""
    resolution = answer({**texts, "internal_traffic_policy": "Local"}, profile=profile, component=component)
    assert resolution.strict
    assert resolution.source.level is Level.INTERNAL_TRAFFIC_POLICY
    assert resolution.preference.strict


@given(text=setting_texts.filter(lambda text: text != "Local"), texts=settings_by_argument, profile=profiles)
@example(text="local", texts=dict.fromkeys(LEVEL_OF), profile=PROFILES["solo"])
def test_any_other_internal_traffic_policy_changes_nothing(text: str | None, texts: Texts, profile: Profile) -> None:
    without = answer({**texts, "internal_traffic_policy": None}, profile=profile)
    assert outcome(answer({**texts, "internal_traffic_policy": text}, profile=profile)) == outcome(without)


@given(
    text=(words | st.text(min_size=1)).filter(lambda text: text.lower() not in SOLO_WORDS),
    argument=st.sampled_from(["service_annotation", "service_entry_annotation"]),
    texts=settings_by_argument,
    profile=profiles,
)
def test_an_unknown_annotation_means_any_and_stops_the_search_with_a_note(
    text: str, argument: str, texts: dict[str, str | None], profile: Profile
) -> None:
    """PREC-2: "An unknown annotation value means `Any` and stops the search, with a note."."""
    for higher in LEVEL_OF:
        if higher == argument:
            break
        texts = {**texts, higher: None}
    resolution = answer({**texts, argument: text}, profile=profile)
    assert outcome(resolution) == ("Any", False, LEVEL_OF[argument], text)
    assert any(note.rule == "PREC-2" and repr(text) in note.text for note in resolution.notes)


@given(
    text=(words | st.text(min_size=1)).filter(
        lambda text: text not in ("PreferClose", "PreferSameZone", "PreferSameNode")
    ),
    texts=settings_by_argument,
    profile=profiles,
)
def test_an_unknown_spec_value_is_passed_over_with_a_note(text: str, texts: Texts, profile: Profile) -> None:
    """PREC-2: "A spec value that the profile does not accept there [...] is passed over with a note"."""
    without = answer({**texts, "spec": None}, profile=profile)
    resolution = answer({**texts, "spec": text}, profile=profile)
    assert outcome(resolution) == outcome(without)
    assert resolution.overridden == without.overridden
    (note,) = [note for note in resolution.notes if note not in without.notes]
    assert note.rule == "PREC-2"
    assert repr(text) in note.text


@given(texts=settings_by_argument, argument=st.sampled_from(list(LEVEL_OF)), profile=profiles)
def test_an_empty_text_counts_as_not_set(texts: Texts, argument: str, profile: Profile) -> None:
    """PREC-2: "An empty annotation counts as not set."; so does every other empty text."""
    empty = answer({**texts, argument: ""}, profile=profile)
    assert empty == answer({**texts, argument: None}, profile=profile)


@given(texts=settings_by_argument, profile=profiles, flips=st.lists(st.booleans(), min_size=20, max_size=20))
def test_an_annotation_is_read_without_regard_to_case(texts: Texts, profile: Profile, flips: list[bool]) -> None:
    """MODE-1: "read without regard to case"."""

    def swapped(text: str | None) -> str | None:
        # Letters outside ASCII may not come back from a change of case.
        if text is None or not text.isascii():
            return text
        return "".join(letter.swapcase() if flips[place % len(flips)] else letter for place, letter in enumerate(text))

    cases = {argument: swapped(text) if "annotation" in argument else text for argument, text in texts.items()}
    before, after = answer(texts, profile=profile), answer(cases, profile=profile)
    assert (after.mode, after.source.level) == (before.mode, before.source.level)


@given(texts=st.fixed_dictionaries(dict.fromkeys(LEVEL_OF, st.text())), profile=profiles, component=components)
def test_arbitrary_text_never_raises(texts: dict[str, str], profile: Profile, component: Component) -> None:
    """Well-formed but doubtful input never fails."""
    resolution = answer(texts, profile=profile, component=component)
    assert str(resolution.source)
    assert repr(resolution).startswith("<Resolution ")
    assert resolution.to_table().to_html()
    assert resolution.to_table().to_markdown()
