"""Stage `inflation`: what leaks and shortcuts would add to a score."""
