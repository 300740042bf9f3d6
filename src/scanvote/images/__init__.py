"""Functions of arrays: decode, hash, find duplicates, crop."""
