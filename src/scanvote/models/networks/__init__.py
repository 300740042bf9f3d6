"""The exact networks of published systems, a page each, with its source."""
