import pytest

from aver.evals.running.processes import FunctionFailed, Functions

FILE = """
import os, time

time.sleep(0.2)

def half(value): return value / 2
def broken(value): raise ValueError("never mind")
def nothing(value): return {"deep": [1, float(value)]}
def gone(value): os._exit(3)
"""


@pytest.fixture
async def functions(tmp_path):
    (tmp_path / "mine.py").write_text(FILE)
    made = []

    def make(name: str) -> Functions:
        made.append(Functions(f"{tmp_path}/mine.py:{name}", processes=1))
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def test_a_function_is_timed_without_the_start_of_its_process(functions):
    value, taken = await functions("half").timed(3)
    assert value == 1.5
    assert 0 <= taken < 200


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
async def test_what_is_no_number_fails_instead_of_saying_nothing(functions, value):
    nothing = functions("nothing")
    with pytest.raises(FunctionFailed, match="no number that JSON can say"):
        await nothing.call(value)
    assert await nothing.call("2") == {"deep": [1, 2.0]}


async def test_a_traceback_that_comes_again_is_printed_once(functions, capfd):
    broken = functions("broken")
    for _ in range(3):
        with pytest.raises(FunctionFailed, match="never mind"):
            await broken.call(1)
    assert capfd.readouterr().err.count("Traceback") == 1


async def test_a_process_that_ends_by_itself_costs_one_call_and_no_complaint(functions, caplog):
    gone = functions("gone")
    for _ in range(2):
        with pytest.raises(FunctionFailed, match="ended by itself"):
            await gone.call(1)
    assert not caplog.records
