"""Why a step of the pipeline was not done."""


class StepFailed(Exception):
    """A step could not be done; the text says why, and what to do."""
