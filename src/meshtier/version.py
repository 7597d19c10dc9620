"""Which version is this? The one place where it stands; the build reads it here."""

VERSION = "0.1.0"
"""The version of this package, as `importlib.metadata.version` gives it too, but at no cost."""
