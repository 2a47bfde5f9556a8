"""The shops' own product feeds, one format a module."""
