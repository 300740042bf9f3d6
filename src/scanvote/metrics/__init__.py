"""Figures of merit, as functions of tables and arrays."""
