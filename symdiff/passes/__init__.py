"""Transformations of graphs, one a file, each a pure function."""
