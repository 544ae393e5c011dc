"""The pages of the service: plain forms and links, rendered here; only live progress needs a script."""
