"""A bundle in the form that the provider takes: contents, not paths, so that the state is the same on any machine."""

import base64

import pulumi_cloudflare as cloudflare

from infra.bundle import Bundle, Module


def main_module(bundle: Bundle) -> str:
    """Return the name of the module that the runtime starts with."""
    return next(iter(bundle))


def content(module: Module) -> str:
    """Return a module's text."""
    return module.file.read_text("utf-8")


def other_modules(bundle: Bundle) -> dict[str, cloudflare.WorkersScriptFilesArgs]:
    """Return all modules except the main one, by name."""
    first = main_module(bundle)
    return {name: _file(module) for name, module in bundle.items() if name != first}


def _file(module: Module) -> cloudflare.WorkersScriptFilesArgs:
    return cloudflare.WorkersScriptFilesArgs(
        content_type=module.content_type,
        content_base64=base64.b64encode(module.file.read_bytes()).decode(),
        content_sha256=module.sha256,
    )
