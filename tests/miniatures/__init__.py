"""Datasets in miniature: format-exact, drawn by the tests, of a few kilobytes."""
