"""Calls on record, without making them."""

from __future__ import annotations

from aver.core import new_id
from aver.gateway.calls import Attempt, Call, CallRecord
from aver.gateway.config.types import GatewayConfig
from aver.gateway.routing.router import ConfiguredRouter
from aver.gateway.routing.types import ModelState, Situation
from aver.gateway.types import Usage
from aver.server.application import Application, TenantServices


def no_chat():
    raise AssertionError("nobody reads the request")


def call_of(services: TenantServices, user: str = "ann", feature: str = "") -> Call:
    return Call(services.principal(user), "chat", services.record_call, no_chat, feature=feature)


def record(application: Application, tenant: str, *attempts: tuple[str, str, int], user="ann", feature="") -> str:
    """Record a call whose attempts are (model, provider, nano-dollars); the last one answered. Its id."""
    call = call_of(application.tenant(tenant), user, feature)
    done = CallRecord(new_id("call"), "chat", "chat", route="chat", feature=feature, user=user)
    for model, provider, cost in attempts:
        done.attempts.append(Attempt(model, provider, 0.0, outcome="ok", usage=Usage(100, 20), nano_usd=cost))
    done.usage, done.nano_usd = Usage(100, 20), sum(cost for _, _, cost in attempts)
    call.sink(call, done)
    return done.id


def decide(application: Application, tenant: str, config: GatewayConfig, draw: float, *, fails: str = "") -> CallRecord:
    """Record a call that the router of ``config`` decided, answered by whom it ranks first; the model ``fails`` does not answer."""
    services = application.tenant(tenant)
    call = call_of(services)
    prices = {name: model.rates.input if model.rates else None for name, model in config.models.items()}
    states = {name: ModelState(0.2, nano_usd=price) for name, price in prices.items()}
    situation = Situation(services.store.tenant.id, "ann", draw, 100, 20, frozenset(), states)
    plan = ConfiguredRouter(config).plan("chat", situation)
    done = CallRecord(new_id("call"), "chat", "chat", route="chat", config=config.digest, draw=draw, user="ann")
    done.inputs, done.candidates = dict(plan.inputs), [*plan.ranked]
    model = config.models[plan.models[0]]
    cost = 100 * model.rates.input // 10**6 if model.rates else 0
    outcome = "provider-error" if model.name == fails else "ok"
    done.attempts = [Attempt(model.name, model.provider, 0.0, outcome=outcome, finish="stop", usage=Usage(100, 0))]
    done.usage, done.nano_usd, done.attempts[0].nano_usd = Usage(100, 0), cost, cost
    call.sink(call, done)
    return done
