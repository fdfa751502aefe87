"""What follows from an incident: turns that it touched become cases, without who asked."""

import pytest

from aver.core.errors import Conflict
from aver.core.settings import Settings
from aver.evals.labelling.queue import Queue
from aver.knowledge.access import AccessList
from aver.ops.incidents.corrections import Proposal
from aver.server.correcting import accept
from tests.knowledge import MemorySource
from tests.servers import open_application

LEAVE = "# Leave\n\nUnused leave carries over to the next year for up to ten days.\n"


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    application = open_application(Settings(data=tmp_path_factory.mktemp("correcting") / "data"))
    application.store.create_tenant("acme")
    found = application.tenant("acme")
    found.knowledge.ingest(MemorySource({"leave.md": LEAVE}), AccessList.everyone())
    yield found
    application.close()


async def test_a_reported_turn_becomes_a_case_that_waits_for_labels(services):
    answer = await services.assistant.ask(services.principal("ann"), "How many days of unused leave carry over?")
    desk = services.operations.incidents
    incident = desk.open("the answer is wrong", by="bob", turn=answer.turn)
    assert (incident.origin, incident.feature) == ("report", "assistant")
    assert desk.reported(answer.turn).id == incident.id
    proposed = Proposal("case", "Label the reported turn", (answer.turn,))
    taken = accept(services, incident.id, proposed, by="bob")
    (waiting,) = Queue(services.store, services.ledger).all()
    assert taken.cases == (waiting.case.id,)
    assert waiting.case.question == "How many days of unused leave carry over?"
    assert services.operations.corrections.of(incident.id)[0].cases == taken.cases
    with pytest.raises(Conflict, match="promoted before"):
        accept(services, incident.id, proposed, by="bob")
    assert len(services.operations.corrections.of(incident.id)) == 1
