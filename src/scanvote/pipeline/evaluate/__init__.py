"""Stage `evaluate`: metrics, tables and figures on the test split."""
