"""`python -m sandbox`: serve both stand-ins on loopback until stopped."""

import argparse
import gc
import signal
import sys
import threading

import sandbox

RAMP_PORT, EPICOR_PORT = 8701, 8702


def port(text: str) -> int:
    """A port's number, 0 for any free one. Raises argparse.ArgumentTypeError for another text."""
    return _whole(text, "a port from 0 to 65535", most=65_535)


def count(text: str) -> int:
    """A number of bills. Raises argparse.ArgumentTypeError for another text."""
    return _whole(text, "a number from 0 to 1000000", most=1_000_000)


def milliseconds(text: str) -> float:
    """A time from 0 to 600000. Raises argparse.ArgumentTypeError for another text."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 600_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time from 0 to 600000 ms")
    return value


def _whole(text: str, what: str, *, most: int) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > most:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return int(text)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--ramp-port", type=port, default=RAMP_PORT, metavar="N")
    parser.add_argument("--epicor-port", type=port, default=EPICOR_PORT, metavar="N")
    parser.add_argument("--bills", type=count, default=200, metavar="N")
    parser.add_argument("--latency-ms", type=milliseconds, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--update-master", choices=("all", "named", "echo"), default="all")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM. Returns the exit code: 2 when a port is in use."""
    options = parse(arguments)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        box = sandbox.start(
            seed=options.seed,
            bills=options.bills,
            latency_ms=options.latency_ms,
            ramp_port=options.ramp_port,
            epicor_port=options.epicor_port,
            update_master=options.update_master,
        )
    except OSError as error:
        print(
            f"The sandbox could not start because {error.strerror}. "
            "Choose other ports with --ramp-port and --epicor-port.",
            file=sys.stderr,
        )
        return 2
    gc.freeze()  # the world lives as long as the process: keep it out of every collection
    with box:
        print(f"Ramp stand-in ready at {box.ramp.url}", flush=True)
        print(f"Epicor stand-in ready at {box.epicor.url}/kinetic", flush=True)
        stopped.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
