"""`symdiff bench`: the time of a model's generated functions beside that of other libraries."""
