"""What is computed when: stages over the samples, and kernels for a GPU."""
