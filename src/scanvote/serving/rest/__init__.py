"""REST interface with its documentation, health checks and metrics."""
