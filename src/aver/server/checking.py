"""What is wrong with a bundle before anybody uses it: its file is right, and yet a tool is missing, a rule useless, an agent without hands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from aver.agents.acting import AgentConfig
from aver.agents.tools import Toolbox, ToolsConfig, open_tools
from aver.agents.tools.declaration import ServerConfig
from aver.core.errors import AverError
from aver.core.labels import ANYTHING
from aver.core.yaml import nearest
from aver.evals.datasets.coverage import cover
from aver.evals.datasets.reading import Opened
from aver.evals.declaration import Evals, Suite
from aver.evals.gates.types import EACH, Condition
from aver.evals.scorers.registry import require_measured
from aver.gateway.config.graph import models_of
from aver.gateway.credentials.types import SecretSource
from aver.ops.runbooks.reading import doubts, read_runbooks, unknown_names
from aver.policy import Annotations, Policies, analysis
from aver.policy.cases import Checked, check, read_cases
from aver.policy.policies import STANDARD
from aver.server.bundle import Bundle
from aver.server.evaluating import dataset_of
from aver.server.mitigating import declared_names

__all__ = ["Finding", "analysed", "annotated", "case_files", "checked_cases", "examine", "policy_files"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``subject`` is what it is about (``tool send_mail``), ``said`` one sentence. An error is what somebody would be harmed or misled by; a
    warning is worth a look."""

    level: Literal["error", "warning"]
    subject: str
    said: str


def policy_files(bundle: Bundle) -> list[Path]:
    """The bundle's own policies, in their order."""
    return [file for folder in bundle.policies for file in sorted(folder.glob("*.cedar"))]


def case_files(bundle: Bundle) -> list[Path]:
    """The bundle's cases for its policies."""
    return [file for folder in bundle.policies for file in sorted(folder.glob("*.yaml"))]


def checked_cases(
    files: Iterable[Path], policies: Policies, tools: Mapping[str, Annotations]
) -> Iterator[tuple[Path, Checked]]:
    """Every case of these files, decided. Raises :class:`~aver.core.errors.SettingsError` with file and line."""
    for file in files:
        yield from ((file, each) for each in check(read_cases(file), policies, tools))


def analysed(policies: Policies, tools: Mapping[str, Annotations]) -> list[analysis.Finding]:
    """What is wrong with these policies where these are all tools. The standard library's rules are for all that there may be: those that
    decide nothing here are no finding."""
    library = {rule.name for rule in policies.rules.values() if rule.place.startswith(STANDARD)}
    found = analysis.analyse(policies, tools)
    return [each for each in found if each.kind != "unreachable" or each.subject not in library]


async def annotated(
    bundle: Bundle, secrets: SecretSource, *, offline: bool
) -> tuple[dict[str, Annotations], list[Finding]]:
    """The bundle's tools by the names that models call them, and what is wrong with the rest. ``offline``: no MCP server is asked, and what
    is declared of its tools is believed."""
    config = bundle.tools or ToolsConfig()
    asked = replace(config, mcp={}) if offline else config
    toolbox = await open_tools(asked, bundle.folder or Path(), secrets)
    try:
        tools = {name: tool.annotations for name, tool in toolbox.tools.items()}
        for server in config.mcp.values() if offline else ():
            tools |= _believed(server)
        return tools, [*_unusable(toolbox)]
    finally:
        await toolbox.close()


async def examine(bundle: Bundle, secrets: SecretSource, *, offline: bool = False) -> list[Finding]:
    """Everything found, the tools first, then the policies and their cases, then the agents, then what evaluates them.

    Raises :class:`~aver.core.errors.SettingsError` with file and line for a policy or a case that cannot be read.
    """
    tools, found = await annotated(bundle, secrets, offline=offline)
    policies = Policies.load(policy_files(bundle))
    found += _policy(policies, tools)
    for file, each in checked_cases(case_files(bundle), policies, tools):
        if not each.passed:
            decision = each.explanation.decision
            said = f"{each.case.name}: {each.case.expect} is expected, and it is {decision.outcome}: {decision.reason}"
            found.append(Finding("error", f"case of {file.name}", said))
    for agent in bundle.agents.values():
        found += _agent(agent, bundle, tools)
    found += _evals(bundle.evals or Evals(), bundle.folder or Path())
    found += _runbooks(bundle)
    return found


def _believed(server: ServerConfig) -> dict[str, Annotations]:
    return {f"{server.prefix}{name}": annotations for name, annotations in server.tools.items()}


def _unusable(toolbox: Toolbox) -> Iterator[Finding]:
    for each in toolbox.unusable:
        origin = toolbox.origins[each.origin]
        # A server may be away for a while; a file of the bundle that cannot be read is wrong.
        declared = each.name in origin.declared if each.name else not origin.pinned
        subject = f"tool {each.name} of {each.origin}" if each.name else f"tools of {each.origin}"
        yield Finding("error" if declared else "warning", subject, f"{each.cause}. {each.next_step}")


def _policy(policies: Policies, tools: Mapping[str, Annotations]) -> Iterator[Finding]:
    for each in analysed(policies, tools):
        yield Finding("warning" if each.kind == "unreachable" else "error", "policy", each.message)


def _evals(evals: Evals, folder: Path) -> Iterator[Finding]:
    """Sets that cannot be read, conditions on what nobody measures, and flows with too few cases."""
    sets: dict[str, Opened] = {}
    tags: dict[str, set[str]] = {}
    for name, suite in evals.suites.items():
        try:
            sets[name] = dataset_of(suite, folder)
            tags[name] = {tag for case in sets[name] for tag in case.tags}
        except AverError as error:
            yield Finding("error", f"suite {name}", f"{error.cause}. {error.next_step}")
    for condition in evals.gate:
        for name in [condition.suite] if condition.suite else evals.suites:
            if name in evals.suites:
                yield from _condition(condition, evals.suites[name], tags.get(name))
    for each in cover(evals.flows, sets) if len(sets) == len(evals.suites) else ():
        if each.wanted is not None and not each.is_enough:
            yield Finding("warning", f"flow {each.flow}", f"It has {each.counted} of {each.wanted} cases.")


def _runbooks(bundle: Bundle) -> Iterator[Finding]:
    """Names in runbooks, and in what is done of itself, that nothing declared has. Raises :class:`~aver.core.errors.SettingsError` with ``FILE:LINE`` for a
    runbook that cannot be read."""
    names = partial(declared_names, bundle)
    for runbook in read_runbooks(bundle.folder or Path()).values() if bundle.folder else ():
        for place, said in doubts(runbook, names):
            yield Finding("error", f"runbook {place}", said)
    for mitigator in bundle.objectives.mitigations.values() if bundle.objectives else ():
        for action in mitigator.do:
            for said in unknown_names(action, names):
                yield Finding("error", f"mitigation {mitigator.name}", said)


def _condition(condition: Condition, suite: Suite, tags: set[str] | None) -> Iterator[Finding]:
    subject = f"condition {condition.text}"
    try:
        require_measured(condition.measure, suite.scorers)
    except AverError as error:
        yield Finding("error", subject, f"{error.cause}. {error.next_step}")
    if tags is not None and condition.slice not in ("", EACH, *tags):
        advice = nearest(condition.slice, tags) if tags else "None has any."
        yield Finding("error", subject, f"No case of {suite.name} has the tag {condition.slice!r}. {advice}")


def _dead_end(agent: AgentConfig, bundle: Bundle, name: str, tool: Annotations | None) -> Iterator[Finding]:
    """A tool after which the agent has nobody left to ask."""
    if tool is None or tool.label == ANYTHING:
        return
    config = bundle.gateway
    for each in models_of(config.routes, [agent.agent.model]):
        model = config.models.get(each)
        if model is None:  # one within this process, which may be given anything
            return
        provider = config.providers[model.provider]
        if not tool.label.refuses(provider.clearance, model.region or provider.region):
            return
    said = f"What {name!r} returns is labelled {tool.label}, and no model of {agent.agent.model!r} may be given that"
    yield Finding("warning", f"agent {agent.name}", f"{said}. Declare a provider's clearance and region.")


def _agent(agent: AgentConfig, bundle: Bundle, tools: Mapping[str, Annotations]) -> Iterator[Finding]:
    subject, names = f"agent {agent.name}", list(tools) if agent.tools is None else agent.tools
    for name in names:
        if name not in tools:
            advice = nearest(name, tools) if tools else "The bundle offers none."
            yield Finding("error", subject, f"There is no tool {name!r}. {advice}")
        elif (back := tools[name].compensation) and back not in names:
            yield Finding(
                "warning", subject, f"{name!r} is taken back by {back!r}, which it may not use. Add it under tools."
            )
        yield from _dead_end(agent, bundle, name, tools.get(name))
    if not names:
        yield Finding("warning", subject, "It has no tools, so it can only talk.")
    model = bundle.gateway.models.get(agent.agent.model)
    if model is not None and model.capabilities is not None and "tools" not in model.capabilities:
        yield Finding("error", subject, f"Its model {model.name!r} calls no tools. Name another.")
