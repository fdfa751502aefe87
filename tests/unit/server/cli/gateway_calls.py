"""Calls on record, without making them."""

from __future__ import annotations

from aver.core import new_id
from aver.gateway.calls import Attempt, Call, CallRecord
from aver.gateway.types import Usage
from aver.server.application import Application


def no_chat():
    raise AssertionError("nobody reads the request")


def record(application: Application, tenant: str, *attempts: tuple[str, str, int], user="ann", feature="") -> str:
    """Record a call whose attempts are (model, provider, nano-dollars); the last one answered. Its id."""
    services = application.tenant(tenant)
    call = Call(services.principal(user), "chat", services.record_call, no_chat, feature=feature)
    done = CallRecord(new_id("call"), "chat", "chat", route="chat", feature=feature, user=user)
    for model, provider, cost in attempts:
        done.attempts.append(Attempt(model, provider, 0.0, outcome="ok", usage=Usage(100, 20), nano_usd=cost))
    done.usage, done.nano_usd = Usage(100, 20), sum(cost for _, _, cost in attempts)
    call.sink(call, done)
    return done.id
