"""Stage `deduplicate`: copies, label conflicts and suspected relatives among the scans."""
