"""Derivatives of graphs: two tables, and short drivers over them."""
