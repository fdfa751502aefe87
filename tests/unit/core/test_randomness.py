import os
from concurrent.futures import ThreadPoolExecutor

from aver.core.randomness import random_bytes


def test_bytes_are_as_many_as_asked_for_and_given_once():
    with ThreadPoolExecutor(8) as threads:
        given = [
            each for some in threads.map(lambda _: [random_bytes(12) for _ in range(2000)], range(8)) for each in some
        ]
    assert {len(each) for each in given} == {12}
    assert len(set(given)) == len(given)
    assert len(random_bytes(100_000)) == 100_000


def test_a_child_gives_other_bytes_than_its_parent():
    random_bytes(1)
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, random_bytes(16))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 16) != random_bytes(16)
    os.close(read)
    os.close(write)
