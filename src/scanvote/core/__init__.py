"""Shared foundations: errors, files, digests, seeds, processes, progress."""
