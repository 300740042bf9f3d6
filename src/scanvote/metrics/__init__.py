"""Metrics, as functions of tables and arrays."""
