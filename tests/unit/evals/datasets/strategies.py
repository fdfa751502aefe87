"""Cases of every kind."""

from hypothesis import strategies as st

from aver.evals.types import Called, Case, Message, Quote

text = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20).map(str.strip).filter(bool)
names = st.text("abc", min_size=1, max_size=5)
scalars = (
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | text | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2), max_leaves=4
)
objects = st.dictionaries(text, values, max_size=2)


@st.composite
def cases(draw):
    label = draw(st.sampled_from(["retrieval", "unanswerable", "expected", "calls", "state", "refuse", "variables"]))
    user = draw(st.just("") | names)
    return Case(
        id=draw(text),
        question="" if label == "variables" else draw(text),
        user=user,
        groups=tuple(draw(st.lists(names, unique=True, max_size=2))) if user else (),
        documents=tuple(draw(st.lists(text, min_size=1, max_size=2))) if label == "retrieval" else (),
        answers=tuple(draw(st.lists(text, max_size=2))) if label == "retrieval" else (),
        passages=tuple(draw(st.lists(st.builds(Quote, text, text), max_size=2))) if label == "retrieval" else (),
        unanswerable=label == "unanswerable",
        tags=tuple(draw(st.lists(text, unique=True, max_size=2))),
        status=draw(st.sampled_from(["draft", "confirmed"])),
        history=tuple(draw(st.lists(st.builds(Message, st.sampled_from(["user", "assistant"]), text), max_size=2))),
        variables=draw(st.dictionaries(text, values, min_size=1, max_size=2))
        if label == "variables"
        else draw(objects),
        expected=draw(values.filter(lambda value: value is not None)) if label == "expected" else None,
        calls=tuple(
            draw(
                st.lists(
                    st.builds(Called, text, objects, st.sampled_from(["allow", "deny"]), st.booleans()), max_size=2
                )
            )
        )
        if label == "calls"
        else None,
        state=draw(values.filter(lambda value: value is not None)) if label == "state" else None,
        refuse=label == "refuse",
        split=draw(st.just("") | names),
        cluster=draw(st.just("") | text),
        flow=draw(st.just("") | text),
        origin=draw(st.sampled_from(["person", "synthetic", "production", "attack"])),
        metadata=draw(objects),
    )


sets = st.lists(cases(), min_size=1, max_size=4).map(lambda some: list({case.id: case for case in some}.values()))
