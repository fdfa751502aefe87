"""The bill of materials of a release: CycloneDX 1.6 with components for machine learning (https://cyclonedx.org/docs/1.6/json/)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from aver.core import rfc3339
from aver.releases.roles import Role, role_of
from aver.releases.types import FrozenFile, Manifest, Release

__all__ = ["bill_of_materials"]

_KINDS: Mapping[Role, str] = {
    "dataset": "data",
    "labels": "data",
    "rubric": "data",
    "prompt": "data",
    "model": "machine-learning-model",
}
"""Types of components by the roles of files; any other is a ``file``."""
_DATA: Mapping[Role, str] = {"dataset": "dataset", "labels": "dataset", "rubric": "other", "prompt": "other"}
_SEE = "Declared in the release's manifest"


def bill_of_materials(release: Release) -> dict[str, Any]:
    """A CycloneDX document, the same for the same release: models and who serves them, datasets, prompts, tools, services, policies, and the
    Python packages that Aver ran with when the release was made."""
    manifest = release.manifest
    root = f"release:{release.digest}"
    components = [
        *_models(manifest),
        *_files(manifest),
        *_tools(manifest),
        *_packages(release.provenance.packages, manifest.software),
    ]
    services = list(_services(manifest))
    references = [each["bom-ref"] for each in (*components, *services)]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, f'urn:aver:release:{release.digest}')}",
        "version": 1,
        "metadata": {
            "timestamp": rfc3339(release.created),
            "tools": {"components": [{"type": "application", "name": "aver", "version": manifest.software}]},
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": "release",
                "version": release.digest,
                "hashes": [{"alg": "SHA-256", "content": release.digest}],
                "properties": _properties({"tag": ", ".join(release.tags), "git.commit": release.provenance.commit}),
            },
        },
        "components": components,
        "services": services,
        "dependencies": [{"ref": root, "dependsOn": references}, *({"ref": each} for each in references)],
    }


def _properties(values: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"name": f"aver:{name}", "value": str(value)} for name, value in values.items() if value not in ("", None)]


def _models(manifest: Manifest) -> Iterator[dict[str, Any]]:
    """Models that providers serve, the embedder, and those that are files."""
    for name, model in sorted(manifest.declared.get("models", {}).items()):
        yield {
            "type": "machine-learning-model",
            "bom-ref": f"model:{name}",
            "name": str(model.get("id", name)),
            "publisher": str(model.get("provider", "")) or "unknown",
            "properties": _properties({"name": name, "provider": model.get("provider")}),
            "modelCard": {"modelParameters": {"task": _task(model)}},
        }
    if embedder := manifest.assistant.get("embedder"):
        card = {"modelCard": {"modelParameters": {"task": "sentence-similarity"}}}
        yield {"type": "machine-learning-model", "bom-ref": "model:embedder", "name": embedder, **card}
    for file in manifest.files:
        if role_of(file.path, manifest.declared) == "model":
            hashes = [{"alg": "SHA-256", "content": file.sha256}]
            reference = f"file:{file.path}"
            yield {"type": "machine-learning-model", "bom-ref": reference, "name": file.path, "hashes": hashes}


def _task(model: Mapping[str, Any]) -> str:
    able = model.get("capabilities") or []
    return "feature-extraction" if "embeddings" in able else "text-ranking" if "rerank" in able else "text-generation"


def _files(manifest: Manifest) -> Iterator[dict[str, Any]]:
    for each in manifest.files:
        role = role_of(each.path, manifest.declared)
        if role != "model":
            yield _file(each, role)


def _file(file: FrozenFile, role: Role) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": _KINDS.get(role, "file"),
        "bom-ref": f"file:{file.path}",
        "name": file.path,
        "hashes": [{"alg": "SHA-256", "content": file.sha256}],
        "properties": _properties({"role": role, "bytes": file.size}),
    }
    if role in _DATA:
        found["data"] = [{"type": _DATA[role], "name": file.path}]
    return found


def _tools(manifest: Manifest) -> Iterator[dict[str, Any]]:
    """Tools of Python files and of code, which run on this machine."""
    for name, tool in sorted(manifest.tools.items()):
        if str(tool.get("origin", "")).split(" ")[0] not in ("mcp", "openapi"):
            about = str(tool.get("description") or _SEE)
            yield {"type": "application", "bom-ref": f"tool:{name}", "name": name, "description": about}


def _services(manifest: Manifest) -> Iterator[dict[str, Any]]:
    """Providers of models, servers of tools, and checks that servers make."""
    declared = manifest.declared
    for name, each in sorted(declared.get("providers", {}).items()):
        yield _service(f"provider:{name}", name, each.get("base_url"), {"kind": each.get("kind")})
    for kind in ("mcp", "openapi"):
        for name, each in sorted(declared.get("tools", {}).get(kind, {}).items()):
            offered = sorted(each.get("tools", {}))
            yield _service(f"{kind}:{name}", name, each.get("url"), {"kind": kind, "tools": ", ".join(offered)})
    for name, each in sorted(declared.get("guardrails", {}).get("checks", {}).items()):
        if "base_url" in each:
            yield _service(f"check:{name}", name, each["base_url"], {"kind": each.get("kind")})


def _service(reference: str, name: str, url: Any, properties: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"bom-ref": reference, "name": name, "properties": _properties(properties)}
    return {**found, "endpoints": [url]} if url else found


def _packages(packages: Mapping[str, str], software: str) -> Iterator[dict[str, Any]]:
    for name, version in sorted({"aver": software, **packages}.items()):
        purl = f"pkg:pypi/{quote(name.lower().replace('_', '-'))}@{quote(version)}"
        yield {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
