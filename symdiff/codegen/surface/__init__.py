"""What surrounds the computation in a generated module: checks of arguments, results, flat forms, signatures."""
