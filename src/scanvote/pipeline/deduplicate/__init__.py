"""Stage `deduplicate`: find copies, label conflicts and suspected relatives."""
