"""The REST interface, its description, and what the server tells of itself."""
