"""The exact networks of published systems, one module each."""
