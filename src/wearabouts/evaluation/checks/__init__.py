"""What a figure must be checked against: leaks, near copies, unlabelled matches, an earlier run."""
