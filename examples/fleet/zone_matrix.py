"""How much traffic goes from which zone to which, of a whole fleet? Computed by any data frame engine.

The frames are the tables that `meshtier tables` writes. Every pod counts as one client of every host of
its cluster, and every ztunnel chooses as its cluster's settings say.
"""

import narwhals as nw
from narwhals.typing import IntoFrame

from meshtier.frames import place_pairs, with_shares

ZONE = ("network", "region", "zone")


def shares_by_place(endpoints: IntoFrame, services: IntoFrame, workloads: IntoFrame) -> IntoFrame:
    """A row for each host, place of clients and place of endpoints: the share of the traffic that goes there."""
    settings = nw.from_native(services).filter(nw.col("passthrough") == "").select("cluster", "host", "mode")
    told = nw.from_native(endpoints).filter(nw.col("excluded") == "")
    clients = nw.from_native(workloads).filter(nw.col("kind") == "Pod", nw.col("starts_at") == "ztunnel")
    with_modes = told.join(settings, on=["cluster", "host"], how="inner")
    return with_shares(
        place_pairs(with_modes.to_native(), clients.select("cluster", *ZONE, "subzone", "node").to_native())
    )


def zone_matrix(endpoints: IntoFrame, services: IntoFrame, workloads: IntoFrame) -> IntoFrame:
    """A row for each pair of zones that traffic goes between: how many clients' worth of it."""
    shares = nw.from_native(shares_by_place(endpoints, services, workloads)).filter(nw.col("share") > 0)
    flows = shares.with_columns(traffic=nw.col("share") * nw.col("client_count"))
    zones = [f"{prefix}{part}" for prefix in ("client_", "endpoint_") for part in ZONE]
    return flows.group_by(*zones).agg(nw.col("traffic").sum()).to_native()
