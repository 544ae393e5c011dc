"""What preflight finds: sentences with their fixes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, and what to do; or, where it does not stop a deployment, something to know."""

    problem: str
    fix: str
    stops: bool = True

    def __str__(self) -> str:
        return f"{'✗' if self.stops else 'i'} {self.problem}\n    {self.fix}"
