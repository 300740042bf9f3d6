"""Data sets: metadata, download and scans."""
