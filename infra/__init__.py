"""The Pulumi program: bindings and resources, never service code."""
