"""What preflight finds: problems with their fixes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem and its fix; if it does not stop a deployment, something to know."""

    problem: str
    fix: str
    stops: bool = True

    def __str__(self) -> str:
        return f"{'✗' if self.stops else 'i'} {self.problem}\n    {self.fix}"
