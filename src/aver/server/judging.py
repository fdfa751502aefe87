"""A bundle's judges, with the gateway behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aver.core.canonical import canonical_json, sha256_hex
from aver.core.errors import InvalidInput
from aver.core.yaml import nearest
from aver.evals.judges.baseline import Baseline
from aver.evals.judges.calibration import Standing
from aver.evals.judges.declaration import JudgeDeclared
from aver.evals.judges.pairwise import PairwiseJudge
from aver.evals.judges.service import Judge, opened, standing_of
from aver.evals.judges.types import JudgeModel
from aver.gateway.calls import Call, Sink
from aver.gateway.types import ChatRequest, Message, OutputFormat

if TYPE_CHECKING:
    from aver.core import Principal
    from aver.gateway.config.types import GatewayConfig
    from aver.gateway.service import Gateway
    from aver.server.application import Application, TenantServices
    from aver.server.bundle import Bundle

__all__ = ["GatewayJudge", "digest_of", "judge_models", "judges_of", "standings", "unasked"]

_MOST = 400
"""Tokens of an answer."""


class GatewayJudge:
    """A model or route of the gateway as a judge. Calls are on record like any others, under the feature ``evaluation``, and their answers are kept in no
    cache: what was judged once is in the run."""

    def __init__(self, name: str, digest: str, gateway: Gateway, principal: Principal, sink: Sink) -> None:
        self.name, self.digest = name, digest
        self._gateway, self._principal, self._sink = gateway, principal, sink

    async def ask(self, system: str, text: str, schema: Mapping[str, Any]) -> str:
        """Raises as the gateway does."""
        messages = (Message("system", system), Message("user", text))
        output = OutputFormat(schema, "judgement")
        request = ChatRequest(messages, max_tokens=_MOST, temperature=0.0, seed=0, output=output)
        call = Call(self._principal, self.name, self._sink, lambda: request, feature="evaluation", no_store=True)
        completion = await self._gateway.complete(call)
        return completion.text


def digest_of(config: GatewayConfig, name: str) -> str:
    """Of what decides what a model or a route answers; of a route, everything that is configured."""
    if name in config.models:
        model = config.models[name]
        provider = config.providers[model.provider]
        return sha256_hex(canonical_json([provider.kind, provider.base_url, model.id]))
    if name in config.routes:
        return config.digest
    known = [*config.models, *config.routes]
    raise InvalidInput(f"There is no model or route {name!r:.60}", nearest(name, known) if known else "Declare it.")


def judge_models(
    application: Application, services: TenantServices, principal: Principal
) -> Callable[[str], JudgeModel]:
    """Finds the model behind a judge. Raises :class:`~aver.core.errors.InvalidInput` for one that is not declared."""

    def found(name: str) -> JudgeModel:
        digest = digest_of(application.declared(), name)
        return GatewayJudge(name, digest, application.gateway, principal, services.record_call)

    return found


def unasked(config: GatewayConfig) -> Callable[[str], JudgeModel]:
    """The same for whoever asks nothing of it and wants to know whether it changed. Raises as :func:`digest_of`."""
    return lambda name: _Unasked(name, digest_of(config, name))


def standings(bundle: Bundle) -> Mapping[str, Standing]:
    """By judge of the bundle, whether it may decide a gate as it is now, and why (not). No model is asked."""
    declared, folder = bundle.evals.judges if bundle.evals else {}, bundle.folder or Path()
    models = unasked(bundle.gateway)
    return {name: standing_of(each, folder, models) for name, each in declared.items()}


@dataclass(frozen=True, slots=True)
class _Unasked:
    name: str
    digest: str

    async def ask(self, system: str, text: str, schema: Mapping[str, Any]) -> str:  # noqa: ARG002 - of the protocol
        raise InvalidInput(f"The judge's model {self.name!r} is only looked at here", "Open the judge for a tenant.")


def judges_of(
    application: Application,
    services: TenantServices,
    principal: Principal,
    declared: Mapping[str, JudgeDeclared],
    folder: Path,
    baseline: Baseline | None = None,
) -> Callable[[str], Judge]:
    """Opens one of the judges that are ``declared`` by its name, a :class:`~aver.evals.types.Scorer`; their files are named from ``folder``. Pairwise ones hold
    responses against ``baseline``, if there is one. Raises :class:`~aver.core.errors.InvalidInput` for one that is not declared."""
    models = judge_models(application, services, principal)

    def found(name: str) -> Judge:
        if name not in declared:
            said = nearest(name, declared) if declared else "Declare it in the bundle: evals: judges:"
            raise InvalidInput(f"There is no judge {name!r:.60}", said)
        judge = opened(declared[name], folder, models)
        if baseline is not None and isinstance(judge, PairwiseJudge):
            return replace(judge, against=baseline.response)
        return judge

    return found
