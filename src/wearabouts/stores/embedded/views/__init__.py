"""What a search looks at: a base, what came since, and what of both lives."""
