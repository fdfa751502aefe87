"""Turns as they were asked, with what people wrote in them."""

from sqlalchemy import insert

from aver.agents.store import turns as turn_rows
from aver.core.clock import rfc3339
from aver.core.ids import new_id
from aver.evidence import Draft

__all__ = ["ask"]


def ask(
    bench, question="How many days carry over?", user="ann", *, conversation="", ordinal=1, abstained=False, lost=0
):
    """A sealed turn; its id. ``lost`` sentences of it have no support."""
    turn, conversation = new_id("turn"), conversation or new_id("conversation")
    subject = f"user:{user}"
    facts = {"feature": "assistant", "release": "r" * 16, "conversation": conversation, "ordinal": ordinal}
    answer = {"answer": "Ten days.", "citations": [{"document": "doc_1"}], "looked_at": []}
    drafts = [
        Draft(turn, "admitted", subject, facts, {"question": question, "user": user, "groups": [], "history": []}),
        Draft(turn, "verified", subject, {"claims": 3, "supported": 3 - lost}),
        Draft(turn, "responded", subject, {"abstained": abstained, "ms": 5.0}, {"answer": answer}),
    ]
    with bench.store.begin() as tx:
        bench.ledger.append_all(tx, drafts)
        bench.ledger.seal(tx, turn=turn, subject=subject)
        row = {"id": turn, "conversation": conversation, "ordinal": ordinal, "status": "sealed"}
        tx.execute(insert(turn_rows), {**row, "created": rfc3339(bench.clock.now())})
    return turn
