"""Before differentiation: the model in a form whose derivatives are sound."""
