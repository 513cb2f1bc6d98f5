"""After differentiation: rewrites that keep what is computed and lower what it costs."""
