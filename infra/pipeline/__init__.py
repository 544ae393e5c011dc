"""What the workflows in `.github/workflows` do, step by step; `make` runs each step the same on a laptop."""
