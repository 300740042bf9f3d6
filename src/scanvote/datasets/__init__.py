"""Data sets: what each tells about itself, how it is had, and its scans."""
