"""The truth: one SQLite file, written in transactions that many may share, read by name, distrusted row by row."""
