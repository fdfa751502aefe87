"""Work in threads that nobody has to wait for."""

import asyncio
import subprocess
import sys
import threading

import pytest

from aver.guard.threads import in_thread


def test_results_and_errors_come_back():
    async def main():
        assert await in_thread(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await in_thread(lambda: 1 // 0)

    asyncio.run(main())


def test_those_who_left_still_count_until_they_are_done():
    free = threading.Event()

    async def main():
        left = [asyncio.ensure_future(in_thread(lambda: free.wait(30))) for _ in range(32)]
        await asyncio.sleep(0)
        for each in left:
            each.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await in_thread(lambda: None)
        free.set()
        async with asyncio.timeout(10):
            return await in_thread(lambda: "again")

    assert asyncio.run(main()) == "again"


def test_a_process_ends_although_one_hangs():
    program = (
        "import asyncio, threading\n"
        "from aver.guard.threads import in_thread\n"
        "async def main():\n"
        "    try:\n"
        "        async with asyncio.timeout(0.05):\n"
        "            await in_thread(threading.Event().wait)\n"
        "    except TimeoutError:\n"
        "        print('left')\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "left\n"
