"""The derived base: a file for each generation, with all that a search looks at, mapped and proven where touched."""
