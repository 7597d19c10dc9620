"""The options that ask for "the answer as if", on every command that gives one."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from meshtier.cli import app
from meshtier.cli.changes import Changes, changed
from meshtier.kube import load

GATEWAYS = str(Path(__file__).parents[2] / "examples" / "bookinfo" / "gateways")
CURL = ("--from", "east/bookinfo/curl-east")
REVIEWS = "reviews-v3-84b7c6d95f-v9zwl"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def explained(*changes: str, host: str = "reviews") -> dict[str, float]:
    """The shares that are more than nothing."""
    answer = call("explain", GATEWAYS, *CURL, "--to", host, "-o", "json", *changes)
    assert answer.exit_code in (0, 1), answer.output
    data = json.loads(answer.stdout)
    return {each["id"]: each["share"] for tier in data["tiers"] for each in tier["endpoints"] if each["share"]}


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    spec = {"selector": {"app": "reviews"}, "trafficDistribution": "PreferSameZone", "ports": [{"port": 9080}]}
    path = tmp_path / "reviews.json"
    meta = {"name": "reviews", "namespace": "bookinfo"}
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}))
    return path


def test_what_is_without_gets_nothing() -> None:
    assert explained("--without", f"workload={REVIEWS}").keys() == {
        "east/bookinfo/reviews-v1-5f4c8b9d76-q7rkf",
        "east/bookinfo/reviews-v2-6d8c9f5b74-hx5tm",
    }
    assert not explained("--without", f"workload={REVIEWS}", "--without", "zone=us-east-a")


def test_a_scaled_service_has_copies() -> None:
    found = explained("--scale", "east/bookinfo/reviews=2@us-east-b")
    assert found == {f"east/bookinfo/{REVIEWS}": 0.5, f"east/bookinfo/{REVIEWS}-copy-1": 0.5}


def test_a_mode_is_set() -> None:
    assert len(explained("--set", "reviews=any")) == 3


def test_a_pod_is_unhealthy() -> None:
    assert f"east/bookinfo/{REVIEWS}" not in explained("--unhealthy", REVIEWS)


def test_objects_are_applied_to_the_cluster_that_is_named(manifest: Path) -> None:
    answer = call("explain", GATEWAYS, *CURL, "--to", "reviews", "--apply", f"east={manifest}")
    assert "Service bookinfo/reviews in cluster 'east' spec.trafficDistribution: PreferSameZone" in answer.output
    refused = call("explain", GATEWAYS, *CURL, "--to", "reviews", "--apply", str(manifest))
    assert refused.exit_code == 2
    assert "give them as CLUSTER=FILE" in refused.output


def test_what_is_applied_and_skipped_is_said(tmp_path: Path) -> None:
    path = tmp_path / "deploy=ment.json"
    path.write_text(json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}))
    answer = call("explain", f"{GATEWAYS}/east.yaml", *CURL, "--to", "reviews", "--apply", str(path))
    assert "cluster east: skipped of what is applied 1 Deployment" in answer.output


def test_changes_are_made_in_the_order_apply_without_scale_set_unhealthy(manifest: Path) -> None:
    """The pod that is scaled away cannot be unhealthy, and what is applied is there to be scaled."""
    mesh = load(f"{GATEWAYS}/east.yaml")
    changes = Changes(
        unhealthy=(f"{REVIEWS}-copy-1",),
        modes=(("reviews", "Any"),),
        scale=(("reviews", 2, ""),),
        without=(("zone", "us-east-a"),),
        apply=(("", str(manifest)),),
    )
    route = changed(mesh, changes).route("curl-east", "reviews")
    assert dict(route.shares) == {f"east/bookinfo/{REVIEWS}": 1, f"east/bookinfo/{REVIEWS}-copy-1": 0}
    assert route.holds == "Any"


def test_without_changes_the_mesh_is_the_same() -> None:
    mesh = load()
    assert changed(mesh, Changes()) is mesh
    assert not Changes()


@pytest.mark.parametrize(
    ("client", "name"),
    [
        ("east/bookinfo/curl-east", "Pod east/bookinfo/curl-east"),
        ("node/east-b1", "Node east/east-b1"),
        ("zone=us-east-b", "network=net-east us-east/us-east-b"),
    ],
)
def test_a_client_that_the_changes_remove_is_refused(client: str, name: str) -> None:
    answer = call("explain", GATEWAYS, "--from", client, "--to", "reviews.bookinfo", "--without", "zone=us-east-b")
    assert answer.exit_code == 2
    assert f"the changes remove the client: {name} is gone; ask --from another one" in answer.output


def test_a_client_in_a_cluster_that_is_gone_is_refused() -> None:
    answer = call("explain", GATEWAYS, *CURL, "--to", "reviews", "--without", "cluster=east")
    assert "the changes remove the client: Pod east/bookinfo/curl-east is gone" in answer.output


def test_of_clients_that_are_alike_another_one_is_asked() -> None:
    productpage = "productpage-v1-7b9c5d4f68-tw2lj"
    asked = ("--from", f"east/bookinfo/{productpage}", "--to", "reviews")
    gone = ("--without", f"workload={productpage}")
    assert call("explain", GATEWAYS, *asked, *gone).exit_code == 2
    alike = ("--from", "deploy/details-v1", "--in", "east", "--to", "reviews")
    gone = ("--without", "workload=details-v1-6c9d7f5b48-c4fkn")
    assert "from  Pod east/bookinfo/details-v1-6c9d7f5b48-p8mtx" in call("explain", GATEWAYS, *alike, *gone).output


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--without", "zone"), "expected SELECTOR=NAME, as in zone=us-east-a, got 'zone'"),
        (("--without", "zone="), "expected SELECTOR=NAME, as in zone=us-east-a, got 'zone='"),
        (("--without", "rack=a"), "expected one of network, region, zone, node, cluster, workload, gateway before the"),
        (("--without", "zone=us-eest-a"), "no zone 'us-eest-a'; the nearest: us-west-a, us-east-a"),
        (("--set", "reviews=Zone"), "expected one of Any, PreferNetwork"),
        (("--set", "reviews"), "expected HOST=MODE"),
        (("--scale", "east/bookinfo/reviews=-1"), "expected an integer from 0 to 100000, got -1"),
        (("--scale", "reviews=many"), "expected SERVICE=N or SERVICE=N@ZONE with a number for N"),
        (("--scale", "reviews=1@"), "expected SERVICE=N or SERVICE=N@ZONE with a number for N"),
        (("--unhealthy", "reviews"), "no workload 'reviews'"),
        (("--apply", "nofile.yaml"), "nofile.yaml: expected a file that can be read"),
        (("--apply", "north=nofile.yaml"), "nofile.yaml: expected a file that can be read"),
        (("--apply", "=nofile.yaml"), "expected FILE or CLUSTER=FILE"),
    ],
)
@pytest.mark.parametrize("command", ["explain", "routes"])
def test_a_change_that_cannot_be_made_is_refused(command: str, option: tuple[str, str], message: str) -> None:
    asked = (*CURL, "--to", "reviews") if command == "explain" else ()
    answer = call(command, GATEWAYS, *asked, *option)
    assert answer.exit_code == 2
    assert not any(each in answer.output for each in ("tiers", "host  "))
    assert message in answer.output.replace("\n", " ")


def test_routes_and_export_take_the_same_changes() -> None:
    answer = call("routes", GATEWAYS, "--failing", "-o", "jsonl", "--without", "zone=us-east-a")
    assert {json.loads(line)["host"].partition(".")[0] for line in answer.output.splitlines()} == {
        "bookinfo-gateway-istio",
        "ratings",
    }
    client = ("--from", "east/bookinfo/waypoint-7c6f8d9b54-w4cqz")
    asked = ("--to", "productpage.bookinfo.mesh.internal", "--via", "waypoint", *client, "--endpoint-port", "80")
    whole = call("export", "eds", GATEWAYS, *asked)
    less = call("export", "eds", GATEWAYS, *asked, "--without", "zone=us-east-a")
    assert (whole.exit_code, less.exit_code) == (0, 0), less.output
    assert len(less.output) < len(whole.output)
