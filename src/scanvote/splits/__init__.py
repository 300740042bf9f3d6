"""Splits by groups, the protocols that define them, and what is known of patients."""
