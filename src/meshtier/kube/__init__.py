"""Kubernetes objects and ztunnel dumps, read into a mesh."""
