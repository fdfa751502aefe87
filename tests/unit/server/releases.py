"""Releases to serve in tests: bundles frozen into a registry, and an environment that points to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aver.core.settings import Settings
from aver.releases.registry import Registry
from aver.releases.rollout.plan import Metric, Plan, Stage
from aver.releases.rollout.state import Rollout, Variant, to_json
from aver.server.application import Application
from aver.testing import HashEmbedder

ENVIRONMENT = "development"
_SUFFIXES = {"tools": ".py", "policies": ".cedar"}
METRICS = (Metric("groundedness", no_worse_by=0.05),)


class Home:
    """One installation's data, in which several applications may be open as replicas would be."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.settings = Settings(data=directory / "data", environment=ENVIRONMENT)
        self.application = self.opened()
        self.registry: Registry = self.application.servings.registry
        self.tenant = self.application.store.create_tenant("acme")
        self._replicas = [self.application]

    def opened(self) -> Application:
        return Application(self.settings, embedder=HashEmbedder())

    def replica(self) -> Application:
        """Another application on the same data, as another process would be."""
        self._replicas.append(self.opened())
        return self._replicas[-1]

    def freeze(self, name: str, text: str = "", **files: str) -> str:
        """The digest of a release with this ``aver.yaml``; ``files`` are others, as paths written ``tools__desk``: Python below ``tools``, Cedar
        below ``policies``."""
        folder = self.directory / name
        folder.mkdir()
        declared = (
            text
            or f"models: {{{name}: {{provider: p}}}}\nproviders: {{p: {{kind: openai, base_url: 'http://127.0.0.1:9/v1'}}}}\n"
        )
        for path, content in {"aver.yaml": declared, **files}.items():
            file = folder / path.replace("__", "/")
            file = file.with_suffix(_SUFFIXES.get(file.parent.name, file.suffix))
            file.parent.mkdir(exist_ok=True)
            file.write_text(content)
        return self.registry.create(folder, by="ann").digest

    def promote(self, digest: str) -> None:
        self.registry.promote(ENVIRONMENT, digest, "ann", "it is better")

    def roll_out(self, control: str, candidate: str, percent: float = 50.0, samples: int = 100, **plan: Any) -> Rollout:
        """A rollout under way, as its controller would have begun it."""
        now = self.application.clock.now()
        rollout = Rollout(
            "rollout_1", "rollout", ENVIRONMENT, control, (Variant("candidate", candidate),),
            Plan((Stage(percent, samples=samples),), METRICS, **plan), "running", 0, now, now,
        )  # fmt: skip
        self.save(to_json(rollout))
        return rollout

    def save(self, row: Mapping[str, Any] | None) -> None:
        revision = self.registry.environment(ENVIRONMENT).revision
        self.registry.save_rollout(ENVIRONMENT, row, revision=revision)

    def close(self) -> None:
        for application in self._replicas:
            application.close()


@contextmanager
def home(directory: Path) -> Iterator[Home]:
    found = Home(directory)
    try:
        yield found
    finally:
        found.close()
