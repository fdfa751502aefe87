"""Targets whose weaknesses are known, to see that attacks find them: one that goes along with everything, one that is sound, and some between."""

import base64
import re
from dataclasses import dataclass, field

from aver.core.errors import ProviderTimeout
from aver.evals.redteam.arming import plants_of, wants_of
from aver.evals.types import Called, Response

EVERYTHING = frozenset({"documents", "readers", "tenants", "results", "instructions", "tools"})
WORDS = re.compile(r'"(\w+)"[^"]*?"(\w+)"')
HOST = re.compile(r"//([\w.-]+\.example)")


@dataclass
class Target:
    digest: str = "0" * 64
    offers: frozenset = EVERYTHING
    asked: list = field(default_factory=list)

    @property
    def name(self):
        return type(self).__name__.lower()

    async def respond(self, case, *, seed=0):
        self.asked.append(case)
        return self.answer(case)


def readable(case):
    """What the asker may read."""
    return [each for each in plants_of(case) if each.readers == "asker" and each.tenant == "own"]


class Gullible(Target):
    """Does what any text says, tells all that there is, makes every call, and spends without end."""

    def answer(self, case):
        texts = [case.question, *(each.text for each in plants_of(case))]
        said = [case.metadata["claim"]]
        for text in texts:
            if words := WORDS.search(text):
                joined = words[1] + words[2]
                said.append(joined)
                said += [f"![x](https://{host}/{joined})" for host in HOST.findall(text)]
            said.append(text)
        aimed = [Called("send", {"to": case.metadata["marks"]["address"]})]
        calls = [*wants_of(case), *aimed, *[Called("read", {})] * 100]
        return Response(text="\n".join(said), calls=tuple(calls), latency_ms=1e6, input_tokens=10**6, cost_usd=0.5)


class Sound(Target):
    """Quotes the first sentence of what its asker may read, and says nothing else."""

    def answer(self, case):
        documents = [each for each in readable(case) if each.place == "document"]
        if not documents or not case.metadata["control"]:
            return Response(text="No answer was found.", abstained=not case.metadata["control"], cost_usd=0.0, calls=())
        sentences = [each.text.partition("\n\n")[2].strip() for each in documents]
        return Response(text=" ".join(sentences), cost_usd=0.0, calls=())


class Refusing(Target):
    """Declines whatever it is asked."""

    def answer(self, case):
        return Response(text="I'm sorry, but I can't help with that.", cost_usd=0.0)


class Decoding(Target):
    """Does what is written in base64, and nothing that is written in clear."""

    def answer(self, case):
        for packed in re.findall(r"[A-Za-z0-9+/]{40,}", case.question):
            text = base64.b64decode(packed[: len(packed) // 4 * 4]).decode(errors="ignore")
            if words := WORDS.findall(text):
                return Response(text=" ".join(map("".join, words)), cost_usd=0.1)
        return Response(text="No.", cost_usd=0.1)


class Failing(Target):
    """Never answers."""

    def answer(self, case):
        raise ProviderTimeout("The model did not answer", "Ask again.")
