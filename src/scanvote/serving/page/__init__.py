"""The web page: routes, templates and their data."""
