"""Preflight: checks everything that a deployment needs before it changes anything."""
