"""Stage `download`: fetch and check scans, list them in a manifest."""
