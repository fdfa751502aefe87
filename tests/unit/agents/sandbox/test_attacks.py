"""Code that tries to get out, to see what it must not, or to take more than its share.

An attack comes to ``"reached"`` where it worked. What a sandbox says that it holds, or that is in force, it holds; what it does not say
is not tested.
"""

import asyncio
import contextlib
import os
import signal
import socket
from pathlib import Path

import pytest

from aver.agents.sandbox import (
    LimitExceeded,
    Limits,
    Result,
    Sandbox,
    SandboxSettings,
    SandboxStopped,
    SandboxUnavailable,
    ToolCrashed,
)

CANARY = "canary-of-the-parent"
AMPLE = Limits(seconds=60, cpu_seconds=60)

OUT_OF_REACH = {
    "shadow": ("files", "open('/etc/shadow').read()"),
    "passwd": ("files", "open('/etc/passwd').read()"),
    "home": ("files", f"import os\nos.listdir({str(Path.home())!r} + '/.ssh')"),
    "this repository": ("files", f"open({str(Path(__file__))!r}).read()"),
    "list the root of the parent": ("files", "import os\nassert 'proc' in os.listdir('/')"),
    "the parent's environment": ("files", f"open('/proc/{os.getpid()}/environ').read()"),
    "its own process": ("files", "open('/proc/self/mem', 'rb').read(1)"),
    "sysfs": ("files", "import os\nos.listdir('/sys/kernel')"),
    "write to the root": ("files", "open('/written', 'w').write('x')"),
    "write to a shared directory": ("files", "open('/var/tmp/written', 'w').write('x')"),
    "write to libraries": ("files", "import json, os\nopen(os.path.dirname(json.__file__) + '/written.py', 'w')"),
    "change the tool's directory": ("files", "open(os.path.expanduser('~/../tool/x.py'), 'w')"),
    "go up by a link": ("files", "import os\nos.symlink('/etc', 'up')\nopen('up/passwd').read()"),
    "a device": ("files", "import os, stat\nos.mknod('sda', 0o600 | stat.S_IFBLK, os.makedev(8, 0))\nopen('sda')"),
    "signal the parent": ("seccomp", f"import os\nos.kill({os.getpid()}, 0)"),
    "lower the parent's limits": (
        "seccomp",
        f"import resource\nresource.prlimit({os.getpid()}, resource.RLIMIT_CORE, (0, 0))",
    ),
    "slow the parent": (
        "seccomp",
        f"import os\nos.sched_setscheduler({os.getpid()}, os.SCHED_BATCH, os.sched_param(0))",
    ),
    "trace the parent": (
        "seccomp",
        f"assert libc.ptrace(0x4206, {os.getpid()}, 0, 0) == 0",
    ),  # PTRACE_SEIZE, which does not stop it
    "read another's memory": ("seccomp", f"assert libc.process_vm_readv({os.getpid()}, None, 0, None, 0, 0) == 0"),
    "become root": ("privileges", "import os\nos.setuid(0)\nassert open('/etc/shadow').read()"),
    "mount": ("seccomp", "assert libc.mount(b'none', b'/', b'tmpfs', 0, None) == 0"),
    "a new user namespace": ("seccomp", "assert libc.unshare(0x10000000) == 0"),
    "a namespace by clone": ("seccomp", "assert libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0) >= 0"),
    "change the root": ("seccomp", "import os\nos.chroot('.')"),
    "load into the kernel": (
        "seccomp",
        "assert libc.syscall(321, 5, None, 0) != -1 or ctypes.get_errno() not in (1, 38)",
    ),
    "rings": ("seccomp", "assert libc.syscall(425, 1, ctypes.create_string_buffer(120)) >= 0"),
    "the key ring": ("seccomp", "assert libc.syscall(250, 0, -3, 1) >= 0"),
    "loopback": ("network", "import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)"),
    "metadata": ("network", "import socket\nsocket.create_connection(('169.254.169.254', 80), 2)"),
    "resolve": ("network", "import socket\nsocket.getaddrinfo('example.com', 80)"),
    "datagrams": ("network", "import socket\nsocket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))"),
    "raw socket": ("network", "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"),
    "packet socket": ("network", "import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)"),
    "the hypervisor": ("network", "import socket\nsocket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)"),
    "netlink": ("network", "import socket\nsocket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)"),
    "an abstract socket of the parent": (
        "network",
        f"import socket\nsocket.socket(socket.AF_UNIX).connect('\\0aver-sandboxes-{os.getpid()}')",
    ),
}


@pytest.fixture
def parent(monkeypatch):
    """What a parent has that a tool must not find: a secret in its environment, an open file, sockets that answer."""
    monkeypatch.setenv("AVER_TEST_SECRET", CANARY)
    with _listening():
        yield


def _listening():
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"\0aver-sandboxes-{os.getpid()}")
    listening.listen()
    return listening


ONE_AFTER_ANOTHER = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
outcomes = {}
for name, code in attacks.items():
    try:
        exec(code)
        outcomes[name] = "reached"
    except Exception as error:
        outcomes[name] = type(error).__name__
outcomes
"""
EXPECTED = {"PermissionError", "FileNotFoundError", "OSError", "AssertionError", "ProcessLookupError"}
EXPECTED |= {"ConnectionRefusedError", "gaierror"}


@pytest.fixture(scope="module")
def outcomes():
    """What came of every attack, by level: they are made one after another in one call, which no attack that fails changes."""
    known = {}

    def ask(place):
        sandbox, report = place
        if report.level not in known:
            attacks = {name: code.replace("{port}", "22") for name, (_, code) in OUT_OF_REACH.items()}
            with _listening():
                known[report.level] = asyncio.run(
                    sandbox.run_python(ONE_AFTER_ANOTHER, limits=AMPLE, values={"attacks": attacks})
                )
        return known[report.level].value

    return ask


@pytest.mark.parametrize("attack", OUT_OF_REACH)
def test_nothing_held_is_reached(place, outcomes, attack):
    _, report = place
    held, _ = OUT_OF_REACH[attack]
    assert set(outcomes(place)) == set(OUT_OF_REACH)
    if held in report.holds | report.means:
        assert outcomes(place)[attack] in EXPECTED


SIGNALS = {
    "to everybody": (signal.SIGURG, "import os, signal\nos.kill(-1, signal.SIGURG)"),
    "by the kernel": (
        signal.SIGIO,
        (
            f"import fcntl, os\nread, write = os.pipe()\nfcntl.fcntl(read, fcntl.F_SETOWN, {os.getpid()})\n"
            "fcntl.fcntl(read, fcntl.F_SETFL, os.O_ASYNC)\nos.write(write, b'x')"
        ),
    ),
}


@pytest.mark.parametrize("way", SIGNALS)
async def test_no_signal_comes_to_the_parent(place, way):
    sandbox, report = place
    number, code = SIGNALS[way]
    heard = []
    before = signal.signal(number, lambda *_: heard.append("reached"))
    try:
        await sandbox.run_python(code, limits=AMPLE)
    finally:
        signal.signal(number, before)
    assert heard == [] or "seccomp" not in report.means


async def test_no_credential_and_no_descriptor_is_inherited(sandbox, parent, tmp_path):
    with (tmp_path / "secret").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        code = "import os\nfound = []\nfor n in range(3, 60):\n try: os.fstat(n); found.append(n)\n except OSError: pass\n[found, dict(os.environ)]"
        result = await sandbox.run_python(code)
    descriptors, environment = result.value
    assert len(descriptors) <= 1  # the one that its answer goes over
    assert CANARY not in str(environment)
    assert set(environment) <= {"HOME", "TMPDIR", "PATH", "LANG", "LC_CTYPE", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}


TOO_MUCH = {
    "busy loop": ("cpu_seconds", "while True: pass", Limits(seconds=60, cpu_seconds=1)),
    "busy loop that will not hear": (
        "",
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
        Limits(seconds=60, cpu_seconds=1),
    ),
    "sleep": ("seconds", "import time\ntime.sleep(1000)", Limits(seconds=0.01)),
    "sleep deaf": (
        "seconds",
        "import signal, time\nfor n in range(1, 64):\n try: signal.signal(n, signal.SIG_IGN)\n except (OSError, ValueError): pass\ntime.sleep(1000)",
        Limits(seconds=0.5),
    ),
    "memory": ("memory_mb", "x = bytearray(10**9)", Limits(memory_mb=128)),
    "memory by and by": ("memory_mb", "x = []\nwhile True: x.append(bytearray(10**6))", Limits(memory_mb=128)),
    "one fork": ("processes", "import os\nos.fork()", Limits()),
    "a program": ("processes", "import subprocess\nsubprocess.run(['/bin/true'])", Limits()),
    "one large file": ("disk_mb", "with open('x', 'wb') as f:\n while True: f.write(bytes(10**6))", Limits(disk_mb=4)),
    "a large value": ("output_kb", "'x' * 5_000_000", Limits()),
    "500 MB": ("output_kb", "'x' * 500_000_000", Limits(seconds=120, cpu_seconds=60, memory_mb=3000)),
    "a large file returned": ("output_kb", "open('x', 'wb').write(bytes(3_000_000))", Limits()),
    "printing": ("output_kb", "print('x' * 5_000_000)", Limits()),
    "printing without end": ("", "while True: print('x' * 100_000)", Limits(disk_mb=4)),
    "open files": ("open_files", "x = []\nwhile True: x.append(open('/dev/null'))", Limits()),
}


@pytest.mark.parametrize("attack", TOO_MUCH)
async def test_nobody_takes_more_than_is_allowed(place, attack):
    sandbox, report = place
    limit, code, limits = TOO_MUCH[attack]
    if limit == "processes" and "processes" not in report.holds:
        return
    with pytest.raises(SandboxStopped) as stopped:
        await sandbox.run_python(code, limits=limits)
    assert stopped.value.next_step
    assert stopped.value.report.means
    if limit:
        assert isinstance(stopped.value, LimitExceeded)
        assert stopped.value.limit == limit


async def test_many_files_do_not_fill_the_disk(place):
    sandbox, report = place
    has_disk = "disk" in report.holds
    code = "import itertools\nfor n in itertools.count():\n with open(f'f{n}', 'wb') as f: f.write(bytes(1000))"
    limits = Limits(seconds=120, cpu_seconds=60 if has_disk else 1, disk_mb=2, files=4096)
    with pytest.raises(LimitExceeded) as stopped:
        await sandbox.run_python(code, limits=limits)
    assert stopped.value.limit == ("disk_mb" if has_disk else "cpu_seconds")


FORK_BOMB = """
import os, time
made = 0
for _ in range(200):
    try:
        if os.fork() == 0:
            time.sleep(60); os._exit(0)
        made += 1
    except OSError:
        break
print(made, flush=True)
made
"""


async def test_a_fork_bomb_is_bounded_and_nothing_of_it_is_left(place):
    sandbox, _ = place
    if await _counts_processes(sandbox):
        result = await sandbox.run_python(FORK_BOMB, limits=Limits(processes=8))
        assert 1 <= result.value < 8


async def _counts_processes(sandbox):
    """Whether several processes can be had and counted; where not, they are refused."""
    try:
        result = await sandbox.run_python("1", limits=Limits(processes=8))
    except SandboxUnavailable as error:
        assert "cannot be counted" in error.cause  # noqa: PT017 - refused at the one level, had at the other
        return False
    assert "processes" in result.report.holds
    return True


SURVIVOR = """
import os, time
if os.fork() == 0:
    os.setsid() if {leaves} else None
    if os.fork() == 0:
        while True:
            open('alive', 'a').write('x'); time.sleep(0.01)
    os._exit(0)
time.sleep(0.2)
"""


def _names_of_processes():
    found = set()
    for path in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            found.add(path.read_text().strip())
    return found


@pytest.mark.parametrize("how", ["returns", "crashes", "hangs", "cancelled"])
async def test_no_grandchild_survives(place, how, tmp_path):
    sandbox, _ = place
    marker = f"left-{os.getpid()}-{how[:2]}"[:15]  # what fits into a process's name
    code = f"libc = __import__('ctypes').CDLL(None)\nlibc.prctl(15, b'{marker}', 0, 0, 0)\n"
    code += SURVIVOR.replace("{leaves}", "True")
    code += {"returns": "", "crashes": "os._exit(3)", "hangs": "time.sleep(100)", "cancelled": "time.sleep(100)"}[how]
    if not await _counts_processes(sandbox):
        return
    limits = Limits(processes=8, seconds=1 if how == "hangs" else 60)
    task = asyncio.ensure_future(sandbox.run_python(code, limits=limits))
    if how == "cancelled":
        async with asyncio.timeout(60):
            while marker not in _names_of_processes():  # noqa: ASYNC110 - another process has no event to wait for
                await asyncio.sleep(0.01)
        task.cancel()
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    kinds = {"returns": Result, "crashes": ToolCrashed, "hangs": LimitExceeded, "cancelled": asyncio.CancelledError}
    assert isinstance(outcome, kinds[how])
    assert marker not in _names_of_processes()


IMITATIONS = {
    "no frame": "os.write(n, b'hello')",
    "a frame that is no JSON": "os.write(n, (5).to_bytes(4, 'big') + b'hello')",
    "a frame that is no object": "os.write(n, (2).to_bytes(4, 'big') + b'[]')",
    "an endless frame": "os.write(n, (2**32 - 1).to_bytes(4, 'big'))",
    "what is in force": "said = b'{\"means\": [\"all\"]}'; os.write(n, len(said).to_bytes(4, 'big') + said)",
    "a file outside": 'said = b\'{"value": 1, "files": {"../x": ""}}\'; os.write(n, len(said).to_bytes(4, \'big\') + said)',
    "a limit that there is not": "said = b'{\"over\": \"all\"}'; os.write(n, len(said).to_bytes(4, 'big') + said)",
    "a deep value": "said = b'{\"value\":' + b'[' * 50000 + b']' * 50000 + b'}'; os.write(n, len(said).to_bytes(4, 'big') + said)",
    "half a reply": "os.write(n, (500).to_bytes(4, 'big') + b'{\"value\": 1')",
    "silence": "",
}


@pytest.mark.parametrize("words", IMITATIONS)
async def test_a_tool_that_writes_the_protocol_itself_is_not_believed(sandbox, words):
    code = f"import os\nfor n in range(3, 60):\n try: {IMITATIONS[words] or 'os.fstat(n)'}\n except OSError: pass\nos._exit(0)"
    with pytest.raises(SandboxStopped):
        await sandbox.run_python(code, limits=AMPLE)


async def test_what_looks_like_the_protocol_on_the_standard_streams_is_text(sandbox):
    result = await sandbox.run_python(
        "import os\nos.write(1, b'\\0\\0\\0\\5hello')\nos.write(2, b'{\"means\": []}')\n7"
    )
    assert (result.value, result.stdout, result.stderr) == (7, "\0\0\0\5hello", '{"means": []}')


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.abort()",
        "import ctypes\nctypes.string_at(0)",
        "import os\nos._exit(0)",
        "import os\nos._exit(42)",
    ],
)
async def test_a_crash_is_an_error_of_the_tool(sandbox, code):
    with pytest.raises(ToolCrashed, match="gave no answer"):
        await sandbox.run_python(code)


async def test_nothing_is_left_of_a_directory_made_to_stay(tmp_path):
    sandbox = Sandbox(SandboxSettings("process", folder=tmp_path))
    code = (
        "import os\nfor n in range(800):\n os.mkdir('d'); os.chdir('d')\n"
        "open('x', 'w').close()\nos.chmod('.', 0)\nos.chdir(os.environ['HOME'])\n"
        "os.symlink('/', 'root')\nos.mkfifo('pipe')\nos.chmod('d', 0)"
    )
    result = await sandbox.run_python(code)
    assert result.failed is None
    assert list(tmp_path.iterdir()) == []
