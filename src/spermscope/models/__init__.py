"""Networks in plain PyTorch, one a file; logits out."""
