"""Source of the helper functions that generated modules carry along."""
