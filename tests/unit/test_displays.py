"""Displays of large values: a repr is no longer than a screen, and a notebook shows about a screen of rows."""

import re
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Final

import attrs
import pytest
from tests.meshes import cluster, gateway, pod, rule, service
from tests.timelines import failover

from meshtier.component import Component
from meshtier.dataplane import Shares
from meshtier.diff import compare, outages
from meshtier.display.side_by_side import side_by_side
from meshtier.distribution import TrafficDistribution
from meshtier.endpoint import Endpoint, Exclusion, Health
from meshtier.labels import Labels
from meshtier.lint import inspect
from meshtier.locality import Locality
from meshtier.mesh import Mesh, RouteTier, ServiceScope
from meshtier.note import Note
from meshtier.preference import mode_table
from meshtier.ranking import rank
from meshtier.table import Mark, Table, brief
from meshtier.tiers import Tier

LINES: Final = 25
LETTERS: Final = 120
GLOBAL: Final = "web.shop.mesh.internal"
LOCAL: Final = "web.shop.svc.cluster.local"


def large() -> Mesh:
    """Six clusters, each with 300 pods behind one host of all clusters, and 30 hosts of its own."""
    made = []
    for number in range(6):
        name = f"cluster-{number:02}"
        pods = [
            pod(
                f"web-7b9c5d4f68-{i:05}",
                Locality(f"net-{number}", f"re-{number}", f"re-{number}-{'abc'[i % 3]}", "", f"node-{i % 30}"),
                cluster=name,
                health=Health.UNHEALTHY if i % 7 == 0 else Health.HEALTHY,
                labels={f"label-{k}": "value" for k in range(6)},
            )
            for i in range(300)
        ]
        own = [service(pods[i : i + 5], name=f"s{i:03}", cluster=name) for i in range(30)]
        web = service(pods, cluster=name, scope=ServiceScope.GLOBAL, spec="PreferClose")
        gates = [
            gateway(Locality(f"net-{other}", f"re-{other}"), leads_to=f"cluster-{other:02}", name=f"peer-{other}")
            for other in range(6)
            if other != number
        ]
        rules = [rule({}, name=f"r{k}", host=f"s{k:03}.shop.svc.cluster.local") for k in range(30)]
        made.append(cluster(pods, [web, *own], name=name, network=f"net-{number}", gateways=gates, rules=rules))
    return Mesh(made)


def roots() -> Iterator[object]:
    """Answers of each kind about the large mesh."""
    mesh = large()
    client = "cluster-00/shop/web-7b9c5d4f68-00001"
    yield mesh
    for host, component in ((GLOBAL, Component.ZTUNNEL), (LOCAL, Component.SIDECAR)):
        route = mesh.route(client, host, component=component)
        yield from (route, route.shares, route.report, route.why(route.endpoints[0]))
    yield compare(mesh, mesh.without(zone="re-0/re-0-a"), hosts=[LOCAL])
    yield outages(mesh, hosts=[LOCAL], each=("zone",))
    yield inspect(mesh)
    yield failover()
    yield Labels({f"label-{i}": "value" for i in range(1000)})
    endpoints = [Endpoint(f"e{i}", Locality(zone="ab"[i % 2])) for i in range(1000)]
    yield rank(Locality(zone="a"), endpoints, TrafficDistribution.PREFER_SAME_ZONE, strict=True)


def reached() -> Iterator[object]:
    """What is found from the roots by attributes, at most some of each class."""
    waiting: deque[tuple[object, int]] = deque((root, 0) for root in roots())
    count, seen, kept = Counter[type](), set[int](), list[object]()
    while waiting:
        value, depth = waiting.popleft()
        if id(value) in seen or depth > 6:
            continue
        seen.add(id(value))
        kept.append(value)  # so that no other value gets its id
        if isinstance(value, (tuple, list)):
            waiting.extend((each, depth + 1) for each in value[:20])
        elif isinstance(value, Mapping) and not type(value).__module__.startswith("meshtier"):
            waiting.extend((each, depth + 1) for each in list(value.values())[:20])
        elif type(value).__module__.startswith("meshtier") and not isinstance(value, BaseException):
            count[type(value)] += 1
            if count[type(value)] <= 20:
                yield value
                waiting.extend((getattr(value, name), depth + 1) for name in facts(type(value)))


def facts(kind: type) -> Iterator[str]:
    """The fields and properties of a class."""
    if attrs.has(kind):
        yield from (each.name for each in attrs.fields(kind))
    for name in dir(kind):
        if not name.startswith("_") and isinstance(getattr(kind, name, None), property | cached_property):
            yield name


def screen_lines(text: str) -> int:
    return sum(max(1, -(-len(line) // LETTERS)) for line in text.split("\n"))


def test_no_repr_is_longer_than_a_screen() -> None:
    found = set[str]()
    for value in reached():
        found.add(type(value).__name__)
        assert screen_lines(repr(value)) <= LINES, type(value)
        shown = getattr(value, "_repr_html_", None)
        if shown is not None and "<svg" not in (html := shown()):
            # A report has a table in each section, each of which is shortened by itself.
            sections = html.count("<b>") or 1
            assert html.count("<tr") + html.count("<li") <= 45 * sections, type(value)
    assert {"Cluster", "Service", "DirectRoute", "Inspection", "OutageMatrix", "Differences", "Shares"} <= found
    assert {"RouteTier", "Table", "Report", "LocalityGroup", "Timeline", "Ranking", "Tier"} <= found


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (Table(title="t", columns=("a", "b"), rows=[("1", "2")]), "<Table t: 1 rows of a, b>"),
        (Table(columns=("a\nb",), rows=[]), "<Table 0 rows of a b>"),
        (cluster([pod("a")], []), "<Cluster east: 0 services, 1 workloads>"),
        (cluster([], [], name=""), "<Cluster (unnamed): 0 services, 0 workloads>"),
    ],
)
def test_the_line_of_a_value_says_what_it_is(value: object, line: str) -> None:
    assert repr(value) == line


def test_a_collection_is_told_by_its_first_members_and_how_many_follow() -> None:
    assert brief(("a", "b", "c")) == "('a', 'b', 'c')"
    assert brief(tuple(range(1000))) == "(0, 1, 2 … +997)"


def rows_by_look(html: str) -> dict[str, list[str]]:
    """The text of the first cell of each row of the body, by how the row looks."""
    found: dict[str, list[str]] = {}
    for row in html.split("<tr")[1:]:
        if "<td" in row:
            look = row.partition(">")[0]
            found.setdefault(look, []).append(row.partition("<td")[2].partition(">")[2].partition("<")[0])
    return found


def test_unhealthy_idle_and_excluded_rows_of_a_route_look_different() -> None:
    near, far = Locality("net-e", "re", "a"), Locality("net-e", "re", "b")
    # 5 of 6 healthy times 1.4 is more than all, so that an Envoy sends nothing to the far one.
    healthy = [pod(name, near) for name in "abcde"]
    pods = [*healthy, pod("sick", near, health=Health.UNHEALTHY), pod("far", far)]
    mesh = Mesh((cluster([pod("client", near), *pods], [service(pods, spec="PreferClose")]),))
    at_envoy = rows_by_look(mesh.route("client", LOCAL, component=Component.WAYPOINT)._repr_html_())
    at_ztunnel = rows_by_look(mesh.route("client", LOCAL, component=Component.ZTUNNEL)._repr_html_())
    looks = {name: look for found in (at_envoy, at_ztunnel) for look, names in found.items() for name in names}
    assert len(at_ztunnel) == len(at_envoy) == 3
    assert at_envoy[""] == ["P0"] * 6  # the tier, and the endpoints that get traffic
    assert len({*at_envoy, *at_ztunnel}) == 4
    assert looks["east/shop/sick"] != ""


def test_the_first_rows_are_shown_and_the_rest_is_counted() -> None:
    table = Table(columns=("a", "b"), rows=[(str(i), "x") for i in range(50)], notes=[str(i) for i in range(50)])
    assert table.first(3).rows == (("0", "x"), ("1", "x"), ("2", "x"), ("… and 47 more", ""))
    assert table.first(3).notes == ("0", "1", "2", "… and 47 more")
    assert table.first(49) is table
    assert "49" in table.to_html()
    assert "… and 30 more" in table._repr_html_()


def test_a_marked_row_says_nothing_else_as_text() -> None:
    plain = Table(columns=("a",), rows=[("x",)])
    for mark in Mark:
        marked = attrs.evolve(plain, marks=frozenset({(0, mark)}))
        assert marked.to_text() == plain.to_text()
        assert marked.to_markdown() == plain.to_markdown()
        assert marked.to_html() != plain.to_html()


def test_values_of_an_answer_have_displays() -> None:
    route = large().route("cluster-00/shop/web-7b9c5d4f68-00001", LOCAL)
    shown = route.shares._repr_html_()
    assert ("… and" in shown, shown.count("<tr")) == (True, 22)
    (tier,) = (each for each in route.tiers if each.number == 0)
    assert isinstance(tier, RouteTier)
    assert "P0 same network and region and zone" in tier._repr_html_() or "P0" in tier._repr_html_()
    assert "<td" in mode_table(TrafficDistribution.PREFER_REGION)._repr_html_()
    note = Note("unknown-place", "no <zone>", "Node n1")
    assert "no &lt;zone&gt;" in note._repr_html_()
    assert "LOC-6" in note._repr_html_()
    assert "re-0-a" in large().clusters[0]._repr_html_()
    assert "unhealthy" in Tier(0, (Endpoint("x", Locality(), health=Health.UNHEALTHY),))._repr_html_()


def test_shares_that_lose_say_so() -> None:
    shown = Shares({"a": 0.5, "b": 0.0}, reason="<none> left")
    assert shown.to_table().notes == ("50 % is lost: <none> left",)
    assert "&lt;none&gt;" in shown._repr_html_()
    assert shown.to_table().marks == frozenset({(1, Mark.IDLE)})


def test_a_cluster_counts_its_pods_by_zone() -> None:
    pods = [pod("a"), pod("b", health=Health.UNHEALTHY), pod("vm", kind="WorkloadEntry")]
    table = cluster(pods, [], nodes=[Locality("n", "re", "b", "", "n1")], rules=[rule()]).to_table()
    assert table.title == "cluster east, network net-e"
    assert table.rows == (("re/a", "0", "2", "1"), ("re/b", "1", "0", "0"))
    assert table.notes == ("0 services, 3 workloads, 1 DestinationRules",)


def test_an_exclusion_stays_a_line() -> None:
    route = large().route("cluster-00/shop/web-7b9c5d4f68-00001", LOCAL, component=Component.ZTUNNEL)
    assert all(isinstance(each, Exclusion) and screen_lines(str(each)) <= 3 for each in route.excluded[:5])


def test_routes_beside_each_other_show_the_first_rows_and_the_sum_of_the_rest() -> None:
    pods = [pod(f"p{number:03}") for number in range(50)]
    mesh = Mesh((cluster([pod("client"), *pods], [service(pods)]),))
    both = side_by_side({"one": mesh.route("client", LOCAL), "other": mesh.route("client", LOCAL)})
    assert both.to_html().count("<tr>") == 51
    assert both._repr_html_().count("<tr>") == 22
    assert "… and 30 more" in both._repr_html_()
    assert ">60 %<" in both._repr_html_()


def test_one_module_alone_imports_the_packages_that_draw_charts() -> None:
    source = Path(__file__).parents[2] / "src/meshtier"
    using = {
        path.stem
        for path in source.rglob("*.py")
        if re.search(r"^\s*(import|from) (altair|vl_convert)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert using == {"offline_chart"}
    code = "import meshtier.display.path_picture, meshtier.display.topology, sys; print('altair' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
