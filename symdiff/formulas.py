"""Closed forms."""
def formulas(model, options):
    return ()
