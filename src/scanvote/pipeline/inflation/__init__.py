"""Stage `inflation`: the effect of leaks and shortcuts on a score."""
