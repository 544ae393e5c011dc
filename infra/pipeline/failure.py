"""The error of the pipeline's steps."""


class StepFailed(Exception):
    """A step failed; the text says why and what to do."""
