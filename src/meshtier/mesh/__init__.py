"""A snapshot of clusters, services and workloads, and the answers that it gives."""
