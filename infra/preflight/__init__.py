"""Preflight: what a deployment needs of its surroundings, looked at before anything is made."""
