"""Image functions: decode, crop, strip, resize, normalise, augment."""
