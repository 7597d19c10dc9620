"""Reading Kubernetes: what ``kubectl`` and ``istioctl`` write, as the clusters of a mesh.

`load` reads files, folders, standard input and plain mappings; YAML needs the
extra ``yaml``, and the extra ``fast`` makes large JSON dumps quick.
"""

from meshtier.kube.loading import load, read
from meshtier.kube.schema import KINDS
from meshtier.public import publish

__all__ = ["KINDS", "load", "read"]

publish(__name__)
