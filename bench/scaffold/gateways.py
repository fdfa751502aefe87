"""The gateways that are measured beside one another, each configured to do the same with the same model server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scaffold import say
from scaffold.processes import free_port

__all__ = ["Gateway", "aver", "direct", "litellm", "on_record", "raw"]

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("AVER_BENCH_CACHE", "~/.cache/aver-bench")).expanduser()
MODEL = "mock"


@dataclass(frozen=True)
class Gateway:
    """How to start one and how to ask it. Without a command it is there already."""

    name: str
    port: int
    key: str
    version: str = ""
    command: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    slow: bool = False
    """Whether fewer requests are enough, and more would take minutes."""


def direct(upstream: int) -> Gateway:
    return Gateway("direct", upstream, "none")


def raw(upstream: int) -> Gateway:
    port = free_port()
    command = (
        *(sys.executable, "-m", "uvicorn", "raw_proxy:app", "--app-dir", str(HERE), "--port", str(port)),
        *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
    )
    return Gateway(
        "raw", port, "none", f"aiohttp {version('aiohttp')}", command, {"UPSTREAM": f"http://127.0.0.1:{upstream}"}
    )


BUNDLE = """\
providers:
  upstream: {{kind: openai, base_url: "http://127.0.0.1:{port}/v1", credential: "env:UPSTREAM_KEY"}}
models:
  mock-a: {{provider: upstream, id: mock-model, price: {{input: 0.15, output: 0.60}}}}
  mock-b: {{provider: upstream, id: mock-model, price: {{input: 0.15, output: 0.60}}}}
routes:
  mock: {{strategy: weighted, models: [mock-a, mock-b]}}
budgets:
- {{per: tenant, limit: 1000000 usd, period: month}}
- {{per: key, limit: 100000000 requests, period: minute}}
"""


def aver(upstream: int, folder: Path) -> Gateway:
    """With a key, a route of two models, two budgets, prices, and evidence."""
    bundle = folder / "bundle"
    bundle.mkdir(parents=True)
    (bundle / "aver.yaml").write_text(BUNDLE.format(port=upstream), encoding="utf-8")
    program = _program(folder)
    _said(*program, "tenant", "create", "bench", "--json")
    key = str(_said(*program, "keys", "create", "--tenant", "bench", "--user", "ann", "--json")["key"])
    port = free_port()
    command = (*program, "serve", "--only", "gateway", "--bundle", str(bundle), "--port", str(port))
    return Gateway("aver", port, key, version("aver"), command, {"UPSTREAM_KEY": "sk-upstream"})


def on_record(folder: Path) -> int:
    """The calls that Aver's evidence tells of."""
    spent = _said(*_program(folder), "gateway", "spend", "--tenant", "bench", "--json")
    return sum(int(row["calls"]) for row in spent["totals"])


def _program(folder: Path) -> tuple[str, ...]:
    return sys.executable, "-m", "aver", "--data", str(folder / "data")


PROXY = """\
model_list:
- model_name: mock
  litellm_params: {{model: openai/mock-model, api_base: "http://127.0.0.1:{port}/v1", api_key: sk-upstream,
                   input_cost_per_token: 0.00000015, output_cost_per_token: 0.0000006}}
- model_name: mock
  litellm_params: {{model: openai/mock-model, api_base: "http://127.0.0.1:{port}/v1", api_key: sk-upstream,
                   input_cost_per_token: 0.00000015, output_cost_per_token: 0.0000006}}
general_settings: {{master_key: sk-bench-master}}
litellm_settings: {{telemetry: false}}
"""


def litellm(upstream: int, folder: Path) -> Gateway:
    """LiteLLM's proxy in an environment of its own, with its master key, a group of two deployments and prices, without a database."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "proxy.yaml"
    config.write_text(PROXY.format(port=upstream), encoding="utf-8")
    home = CACHE / "litellm"
    python = home / "bin" / "python"
    if not (home / "bin" / "litellm").exists():
        say(f"installing litellm[proxy] into {home}: this takes minutes")
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "litellm[proxy]", "uvloop"], check=True)
    asked = "import importlib.metadata as m; print(m.version('litellm'))"
    installed = subprocess.run([python, "-c", asked], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    port = free_port()
    command = (
        *(str(home / "bin" / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)),
        *("--num_workers", "1"),
    )
    # Its table of prices is taken from the package instead of the network, which would only lengthen its start.
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "LITELLM_TELEMETRY": "False"}
    return Gateway("litellm", port, "sk-bench-master", installed, command, environment, slow=True)


def _said(*command: str) -> dict[str, Any]:
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"error: {' '.join(command[5:7])} failed: {done.stdout}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document
