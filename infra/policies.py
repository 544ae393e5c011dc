"""The predicates as Pulumi policies, checked at each preview and update."""

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyResource,
    ReportViolation,
    StackValidationArgs,
    StackValidationPolicy,
)

from infra.predicates import PREDICATES, Expectation, Predicate, Resource

PROTECTED = "protected"
"""The policies' only setting: whether the stack's data must be kept; true by default."""
SCHEMA = PolicyConfigSchema({PROTECTED: {"type": "boolean", "default": True}})


def make_policies() -> list[Policy]:
    """Return a mandatory policy for each predicate."""
    return [_policy(name, predicate) for name, predicate in PREDICATES.items()]


def _policy(name: str, predicate: Predicate) -> StackValidationPolicy:
    def validate(stack: StackValidationArgs, report: ReportViolation) -> None:
        expected = Expectation(protected=bool(stack.get_config().get(PROTECTED, True)))
        for found in predicate([_resource(each) for each in stack.resources], expected):
            report(found, None)

    return StackValidationPolicy(
        name=name,
        description=(predicate.__doc__ or name).strip(),
        validate=validate,
        enforcement_level=EnforcementLevel.MANDATORY,
        config_schema=SCHEMA,
    )


def _resource(given: PolicyResource) -> Resource:
    # Pulumi does not tell policies whether a resource is retained. Ours are whenever they are protected.
    protected = given.opts.protect
    return Resource(given.name, given.resource_type, given.props, protect=protected, retain=protected)
