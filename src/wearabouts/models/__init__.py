"""Networks, in PyTorch: one paper or one model a file."""
