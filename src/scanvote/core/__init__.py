"""What every floor stands on: errors, files, digests, seeds, processes, progress."""
