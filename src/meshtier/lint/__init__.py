"""Which mistakes does a mesh make? Rules that look at a whole mesh, without a client being asked about."""
