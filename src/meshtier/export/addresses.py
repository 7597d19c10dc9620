"""Where does an Envoy connect to? The address of each endpoint, in Envoy's terms."""

from collections.abc import Callable
from ipaddress import ip_address
from typing import TypeAlias

from meshtier.errors import InvalidValueError, check_int
from meshtier.export.messages import Address
from meshtier.export.upstream import NOT_KNOWN, Upstream

AddressOf: TypeAlias = Callable[[str], Address | None]
"""Gives the address of the endpoint with this id, or ``None`` for the one that is known of it."""


def socket_address(ip: str, port: int) -> Address:
    """The address of a TCP socket.

    Raises:
        InvalidValueError: *ip* is no IP address, or *port* is not from 1 to 65535.

    >>> socket_address("10.0.0.1", 80)
    {'socket_address': {'address': '10.0.0.1', 'port_value': 80}}
    """
    if not is_ip(ip):
        raise InvalidValueError(f"expected an IP address, got {ip!r}", "ip")
    check_int(port, "port", least=1, most=2**16 - 1)
    return {"socket_address": {"address": ip, "port_value": port}}


def pipe_address(path: str) -> Address:
    """The address of a unix socket.

    Raises:
        InvalidValueError: *path* is empty, or longer than the 107 bytes that a socket's name may have.

    >>> pipe_address("/run/a.sock")
    {'pipe': {'path': '/run/a.sock'}}
    """
    if not 0 < len(path.encode()) <= 107:
        raise InvalidValueError(f"expected a path of 1 to 107 bytes, got {path!r}", "path")
    return {"pipe": {"path": path}}


def is_ip(text: str) -> bool:
    """Whether *text* is an IP address, and no host name."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def endpoint_addresses(
    upstream: Upstream, *, port: int | None = None, address_of: AddressOf | None = None
) -> dict[str, Address]:
    """The address of every endpoint, by id.

    Args:
        upstream: The endpoints. Of several addresses the first IP address is taken.
        port: The port on which they listen; ``None`` for the service's only one.
        address_of: Asked first.

    Raises:
        InvalidValueError: An endpoint has a host name only, which EDS refuses, or
            no address, or one that another has too, of which an Envoy would drop
            one; all of them are listed. Or the port is needed and not known.
    """
    found: dict[str, Address] = {}
    problems: list[str] = []
    for identifier in (endpoint.id for group in upstream.groups for endpoint in group.endpoints):
        given = address_of(identifier) if address_of is not None else None
        if given is not None:
            found[identifier] = given
            continue
        reached = upstream.reached.get(identifier, NOT_KNOWN)
        known, at = reached.addresses, reached.port or port
        ip = next(filter(is_ip, known), None)
        if ip is None:
            problems.append(f"{identifier} has {'only the name ' + known[0] if known else 'no address'}")
        else:
            found[identifier] = socket_address(ip, _only_port(upstream) if at is None else at)
    problems += _shared(found)
    if problems:
        raise InvalidValueError(
            f"expected an IP address of its own for each endpoint, but {'; '.join(problems)};"
            " EDS takes nothing else, so give another by address_of",
            "addresses",
        )
    return found


def _shared(found: dict[str, Address]) -> list[str]:
    owners: dict[str, list[str]] = {}
    for identifier, address in found.items():
        owners.setdefault(_text(address), []).append(identifier)
    return [f"{' and '.join(names)} are all at {text}" for text, names in owners.items() if len(names) > 1]


def _text(address: Address) -> str:
    if "socket_address" in address:
        return f"{address['socket_address']['address']} port {address['socket_address']['port_value']}"
    return address["pipe"]["path"]


def _only_port(upstream: Upstream) -> int:
    if len(upstream.ports) == 1:
        return upstream.ports[0]
    known = ", ".join(map(str, upstream.ports)) or "none"
    raise InvalidValueError(
        f"expected the port on which the endpoints of {upstream.name} listen; its ports are: {known}", "port"
    )
