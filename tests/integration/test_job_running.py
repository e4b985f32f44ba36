"""Jobs as real processes: their codes, signals and outputs. No chat is involved."""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from chatcli.job.output import LARGEST
from chatcli.job.running import FORWARDED, Outcome, run_job
from tests.integration.conftest import Elsewhere
from tests.waiting import wait_until


def run(*command: str, forwarded: Sequence[signal.Signals] = ()) -> Outcome:
    return run_job(command, os.environ, forwarded)


def shell(script: str) -> Outcome:
    return run("/bin/sh", "-c", script)


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_the_code_is_the_jobs(code: int) -> None:
    outcome = shell(f"exit {code}")
    assert (outcome.code, outcome.signal, outcome.obstacle) == (code, None, None)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_killed_job_has_128_and_the_signal(number: signal.Signals) -> None:
    outcome = shell(f"kill -{int(number)} $$")
    assert (outcome.code, outcome.signal) == (128 + number, number)


def test_a_job_that_cannot_start_has_the_shells_codes(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("echo not reached")
    for command, code in (
        ("no-such-program", 127),
        ("/no/such/program", 127),
        (str(plain / "x"), 127),
        (str(plain), 126),
        (str(tmp_path), 126),
    ):
        outcome = run(command)
        assert (outcome.code, outcome.output) == (code, b"")
        assert outcome.obstacle
        assert outcome.obstacle.startswith(f"{command}: ")


def test_a_script_without_an_interpreter_line_is_run_by_sh_as_every_shell_does(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text('echo "$# $1"; exit 7')
    script.chmod(0o755)
    for command in (str(script), "script"):
        outcome = run_job([command, "a b"], {"PATH": f"{tmp_path}:/bin"})
        assert (outcome.code, outcome.output) == (7, b"1 a b\n")


def test_arguments_and_environment_arrive_as_they_are() -> None:
    outcome = run_job(["/bin/sh", "-c", 'printf "%s|" "$@"; env', "sh", "a b", "--", "$HOME", "caf\udce9"], {"X": "1"})
    assert outcome.output.startswith(b"a b|--|$HOME|caf\xe9|")
    assert b"X=1" in outcome.output
    assert b"HOME=" not in outcome.output


def test_both_outputs_are_kept_in_their_order_and_there_is_no_input() -> None:
    assert shell("echo one; echo two >&2; cat; echo three").output == b"one\ntwo\nthree\n"


def test_a_job_has_a_session_of_its_own() -> None:
    code = "import os; print(os.getpid() == os.getpgrp() == os.getsid(0))"
    assert run(sys.executable, "-c", code).output == b"True\n"


def test_of_a_large_output_only_the_end_is_kept() -> None:
    output = shell("yes | head -c 5000000; echo end").output
    assert len(output) == LARGEST
    assert output.endswith(b"y\nend\n")


def test_an_output_that_is_closed_early_is_no_end() -> None:
    assert shell("exec >&- 2>&-; sleep 0.1; exit 4").code == 4


def test_what_a_job_leaves_behind_may_still_print_but_holds_nobody_up(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    outcome = shell(f"(sleep 0.1; echo late) & sleep 600 & echo $! > {pid}; echo now; exit 5")
    try:
        assert (outcome.code, outcome.output) == (5, b"now\nlate\n")
        os.kill(int(pid.read_text()), 0)  # it is nobody's business here
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)


def test_one_that_prints_for_ever_in_the_background_holds_nobody_up(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    outcome = shell(f"yes & echo $! > {pid}; exit 6")
    assert outcome.code == 6
    wait_until(lambda: not _runs(int(pid.read_text())), "the end of who writes into a closed pipe")


@pytest.mark.parametrize("number", FORWARDED)
def test_our_signals_are_the_jobs_and_of_all_it_started(number: signal.Signals, tmp_path: Path) -> None:
    ready, seen, inner = tmp_path / "ready", tmp_path / "seen", tmp_path / "inner"
    inner.write_text(f"trap 'echo inner > {seen}; exit 0' {int(number)}; touch {ready}; while :; do sleep 0.01; done")
    script = f"trap 'echo outer; exit 9' {int(number)}; /bin/sh {inner}"
    before = signal.getsignal(number)

    def signal_us() -> None:
        wait_until(ready.exists, "the job")
        os.kill(os.getpid(), number)

    other = threading.Thread(target=signal_us)
    other.start()
    outcome = run("/bin/sh", "-c", script, forwarded=FORWARDED)
    other.join()
    assert (outcome.code, outcome.output.split()[-1]) == (9, b"outer")  # before it, sh tells what was killed
    assert seen.read_text() == "inner\n"
    assert signal.getsignal(number) is before


def test_an_ignored_signal_stays_ignored_for_the_job() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run("/bin/sh", "-c", "kill -HUP $$; echo alive", forwarded=FORWARDED).output == b"alive\n"
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_interrupted_wait_ends_the_job_first(tmp_path: Path) -> None:
    seen = tmp_path / "seen"

    def interrupt() -> None:
        wait_until(seen.exists, "the job")
        os.kill(os.getpid(), signal.SIGINT)

    other = threading.Thread(target=interrupt)
    other.start()
    with pytest.raises(KeyboardInterrupt):
        run("/bin/sh", "-c", f"trap 'echo ended > {seen}; exit 0' TERM; touch {seen}; while :; do sleep 0.01; done")
    other.join()
    assert seen.read_text() == "ended\n"


def test_it_leaves_no_descriptor_and_no_process_and_works_in_a_thread(elsewhere: Elsewhere) -> None:
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(3):
        assert elsewhere(shell, "echo x").output == b"x\n"
        run("no-such-program")
    assert len(list(Path("/dev/fd").iterdir())) == before


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
