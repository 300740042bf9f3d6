"""Stage `prepare`: split, audit for leaks, crop, resize, augment, pickle."""
