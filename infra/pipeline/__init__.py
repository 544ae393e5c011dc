"""The steps of the workflows in `.github/workflows`; `make` runs each step the same way on a laptop."""
