"""The parts of a sandbox that can be seen without one: the filter of system calls, addresses, the vault, the removal of directories."""

import ipaddress
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.agents.sandbox.egress.addresses import is_public
from aver.agents.sandbox.egress.proxy import Proxy
from aver.agents.sandbox.egress.types import Host, Network, Secret
from aver.agents.sandbox.egress.vault import Vault
from aver.agents.sandbox.folder import remove
from aver.agents.sandbox.inside import seccomp
from aver.core.errors import InvalidInput

KILL, ALLOW, ERROR = 0x80000000, 0x7FFF0000, 0x00050000
EPERM, EAGAIN, ENOSYS, EAFNOSUPPORT = 1, 11, 38, 97


def run(program, number, *arguments, architecture=0xC000003E):
    """What the kernel does with a classic BPF program over ``struct seccomp_data``."""
    words = {0: number, 4: architecture} | {16 + 8 * n: value & 0xFFFFFFFF for n, value in enumerate(arguments)}
    at = held = 0
    while True:
        code, true, false, constant = program[at]
        at += 1
        if code == 0x20:
            held = words.get(constant, 0)
        elif code == 0x54:
            held &= constant
        elif code == 0x15:
            at += true if held == constant else false
        elif code == 0x35:
            at += true if held >= constant else false
        elif code == 0x06:
            return constant


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request):
    audit, column = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}[request.param]

    def ask(name, *arguments, **how):
        number = (seccomp._REFUSED | seccomp._CHECKED)[name][column] if isinstance(name, str) else name
        if number is None:
            return None
        words = {"forks": False, "sockets": ["unix", "ip"]} | how
        program = seccomp.program(architecture=request.param, **words)
        return run(program, number, *arguments, architecture=audit)

    return ask


def test_every_call_that_no_tool_needs_is_refused(machine):
    for name in seccomp._REFUSED:
        assert machine(name) in (ERROR | EPERM, None), name


def test_calls_of_later_kernels_and_other_interfaces_are_not_there(machine):
    assert machine(463) == ERROR | ENOSYS
    assert machine(0x40000000 + 101) == KILL
    assert machine("clone3") == ERROR | ENOSYS
    program = seccomp.program(False, ["unix"], architecture="x86_64")
    assert run(program, 0, architecture=0x40000003) == KILL  # the 32-bit interface, whose numbers mean other calls


def test_threads_are_allowed_and_processes_where_they_are_declared(machine):
    thread, process = 0x3D0F00, 0x1200011
    assert machine("clone", thread) == ALLOW
    assert machine("clone", process) == ERROR | EAGAIN
    assert machine("clone", process, forks=True) == ALLOW
    assert machine("clone", process | 0x10000000, forks=True) == ERROR | EPERM
    assert machine("vfork", forks=False) in (ERROR | EAGAIN, None)


@pytest.mark.parametrize(
    ("sockets", "family", "kind", "answer"),
    [
        (["unix", "ip"], 1, 1, ALLOW), (["unix", "ip"], 2, 1 | 0x80000, ALLOW), (["unix", "ip"], 10, 2, ALLOW),
        (["unix", "ip"], 2, 3, ERROR | EPERM), (["unix", "ip"], 17, 3, ERROR | EAFNOSUPPORT), (["unix", "ip"], 40, 1, ERROR | EAFNOSUPPORT),
        ([], 1, 1, ERROR | EAFNOSUPPORT), ([], 2, 1, ERROR | EAFNOSUPPORT),
        (["tcp"], 2, 1, ALLOW), (["tcp"], 2, 2, ERROR | EPERM), (["tcp"], 1, 1, ERROR | EAFNOSUPPORT),
    ],
)  # fmt: skip
def test_sockets_are_of_the_families_allowed(machine, sockets, family, kind, answer):
    assert machine("socket", family, kind, sockets=sockets) == answer


def test_signals_go_to_the_one_process_where_others_share_its_user(machine):
    assert machine("kill", 42, 9, only_process=42) == ALLOW
    assert machine("kill", 43, 9, only_process=42) == ERROR | EPERM
    assert machine("kill", -1, 9, only_process=42) == ERROR | EPERM
    assert machine("tgkill", 43, 43, 9, only_process=42) == ERROR | EPERM
    assert machine("kill", 43, 9) == ALLOW


def test_nothing_else_is_done_to_processes_that_share_its_user(machine):
    refused, f_setown, f_getfd = ERROR | EPERM, 8, 1
    assert machine("fcntl", 3, f_setown, 43, only_process=42) == refused
    assert machine("fcntl", 3, f_getfd, only_process=42) == ALLOW
    assert machine("ioctl", 3, 0x8901, only_process=42) == refused
    assert machine("ioctl", 3, 0x5401, only_process=42) == ALLOW
    assert machine("setpriority", 0, 43, 19, only_process=42) == refused
    for name in ("prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr"):
        assert [machine(name, process, only_process=42) for process in (0, 42, 43)] == [ALLOW, ALLOW, refused]


def test_an_architecture_without_a_table_is_refused():
    with pytest.raises(OSError, match="no table"):
        seccomp.program(False, [], architecture="riscv64")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True), ("2606:2800:21f::1", True), ("127.0.0.1", False), ("10.1.2.3", False), ("169.254.169.254", False),
        ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False), ("255.255.255.255", False), ("::1", False), ("::", False),
        ("fe80::1", False), ("fd00:ec2::254", False), ("::ffff:127.0.0.1", False), ("::ffff:169.254.169.254", False),
        ("64:ff9b::a00:1", False), ("64:ff9b::808:808", True), ("2002:7f00:1::", False), ("ff02::1", False),
    ],
)  # fmt: skip
def test_what_is_a_public_address(address, public):
    assert is_public(ipaddress.ip_address(address)) is public


def test_a_secret_goes_into_its_headers_for_its_hosts_alone():
    vault = Vault([Secret("KEY", "s3cret-value", ["api.example.com"], ["Authorization", "X-Key"])])
    mark = vault.placeholders["KEY"].encode()
    headers = [(b"authorization", b"Bearer " + mark), (b"x-key", mark), (b"x-other", mark)]
    assert vault.put_in("api.example.com", headers) == [
        (b"authorization", b"Bearer s3cret-value"),
        (b"x-key", b"s3cret-value"),
        (b"x-other", mark),
    ]
    assert vault.put_in("evil.example.com", headers) == headers


def test_a_secret_goes_into_basic_credentials():
    from base64 import b64decode, b64encode

    vault = Vault([Secret("KEY", "s3cret-value", ["h"])])
    value = b"Basic " + b64encode(b"me:" + vault.placeholders["KEY"].encode())
    ((_, found),) = vault.put_in("h", [(b"Authorization", value)])
    assert b64decode(found.partition(b" ")[2]) == b"me:s3cret-value"


@pytest.mark.parametrize(
    "network",
    [
        Network([Host("https://example.com")]),
        Network([Host("*.example.com")]),
        Network([Host("")]),
        Network([Host("h", 0)]),
        Network([Host("h")], [Secret("KEY", "", ["h"])]),
        Network([Host("h")], [Secret("KEY", "a\r\nInjected: b", ["h"])]),
        Network([Host("h")], [Secret("A KEY", "value", ["h"])]),
        Network([Host("h")], [Secret("KEY", "value", ["other"])]),
    ],
)
def test_a_declaration_of_which_nothing_could_come_is_refused(network):
    with pytest.raises(InvalidInput):
        Proxy(network)


@given(st.binary(), st.binary(), st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=8))
def test_no_answer_brings_a_secret_back(before, after, value):
    vault = Vault([Secret("KEY", value, ["h"])])
    said = vault.take_out(before + value.encode() + after)
    assert said != before + value.encode() + after


def test_a_directory_is_removed_however_deep_and_never_through_a_link(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(kept)
    at = os.open(folder, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    remove(folder)
    assert not folder.exists()
    assert (kept / "file").read_text() == "x"
