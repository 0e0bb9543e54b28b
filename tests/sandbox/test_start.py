"""Both stand-ins together, in this process and as `python -m sandbox`."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import sandbox

ROOT = Path(__file__).parents[2]


def test_start_serves_both_systems():
    with sandbox.start(bills=5) as box:
        assert len(box.ramp.state()["bills"]) == 5
        assert set(box.world.expected()) == set(box.ramp.state()["bills"])
        for url in (box.ramp.url, box.epicor.url):
            assert httpx.get(url + "/_sandbox/calls").json() == {}


def test_a_taken_port_stops_the_other_server_too():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        free = socket.create_server(("127.0.0.1", 0))
        other = free.getsockname()[1]
        free.close()
        for ports in ({"ramp_port": port}, {"ramp_port": other, "epicor_port": port}):
            with pytest.raises(OSError, match=str(port)):
                sandbox.start(bills=1, **ports)
        socket.create_server(("127.0.0.1", other)).close()


def command(*options: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--bills", "3", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_command_serves_until_told_to_stop():
    with command("--ramp-port", "0", "--epicor-port", "0") as process:
        ramp, epicor = (process.stdout.readline().split() for _ in range(2))
        assert ramp[0] == "Ramp"
        assert epicor[-1].endswith("/kinetic")
        assert len(httpx.get(ramp[-1] + "/_sandbox/state").json()["bills"]) == 3
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
        assert process.stderr.read() == ""


def test_command_says_in_a_sentence_that_a_port_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with command("--ramp-port", port) as process:
            output, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert output == ""
    assert f"port {port} is in use" in errors
    assert len(errors.splitlines()) == 1
