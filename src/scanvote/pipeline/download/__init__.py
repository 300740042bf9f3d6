"""Stage `download`: fetch a task's scans, check every file, list them in a manifest."""
