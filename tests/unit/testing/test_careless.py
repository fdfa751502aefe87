import re

from aver.testing.careless import CarelessModel
from aver.testing.replies import Received

PASSAGES = {
    1: "Staff receive 20 days of leave a year. Leave expires on 31 March. Ask your lead before booking.",
    2: "The office opens at 8 in the morning. Badges are issued by the front desk.",
    3: "Expenses above 75 dollars need a receipt. Submit them within 30 days of travel.",
}
PROMPT = (
    "Answer from the passages.\n\n"
    + "\n\n".join(f"<passage>\n[{number}] Title\n{text}\n</passage>" for number, text in PASSAGES.items())
    + "\n\n\nQuestion: This is no passage and must not be quoted."
)


def written(seed):
    model = CarelessModel(seed)
    reply = model(Received("/", {}, {"messages": [{"role": "user", "content": PROMPT}]}))
    assert reply.text == " ".join(each.text for each in model.written)
    return model.written


def test_each_slip_is_what_it_says_it_is():
    seen = set()
    for seed in range(40):
        for sentence in written(seed):
            seen.add(sentence.slip)
            text, number = re.fullmatch(r"(.*?)(?: \[(\d+)\])?", sentence.text).groups()
            home = next((key for key, passage in PASSAGES.items() if text in passage), None)
            match sentence.slip:
                case "none":
                    assert home == int(number)
                case "wrong-number":
                    assert home is not None
                    assert home != int(number) in PASSAGES
                case "no-such-number":
                    assert int(number) not in PASSAGES
                case "altered-figure" | "invented":
                    assert home is None
                    assert int(number) in PASSAGES
                case "uncited":
                    assert home is not None
                    assert number is None
    assert seen == {"none", "wrong-number", "no-such-number", "altered-figure", "invented", "uncited"}


def test_the_same_seed_and_prompt_give_the_same_reply():
    assert written(7) == written(7)
    assert written(7) != written(8)


def test_without_passages_it_knows_nothing():
    model = CarelessModel()
    assert model(Received("/", {}, {"messages": [{"content": "Hello"}]})).text == "I do not know."
    assert model.written == []
