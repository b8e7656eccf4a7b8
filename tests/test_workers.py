import os
import signal
import subprocess
import sys
import time

import pytest

from genrelens import workers
from genrelens.errors import AudioError, WorkerError


def square_or_worse(item: int) -> int:
    if item == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    if item == 7:
        raise AudioError("no sevens")
    time.sleep(0.01 * (item % 3))
    return item * item


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_order_with_errors_in_their_place(processes: int) -> None:
    results = list(workers.stream(square_or_worse, range(12), processes))
    assert [item for item, _ in results] == list(range(12))
    for item, result in results:
        if item == 7:
            assert isinstance(result, AudioError)
            assert str(result) == "no sevens"
        else:
            assert result == item * item


def test_an_item_that_kills_its_process_harms_no_other() -> None:
    items = [1, 2, 13, 3, 4, 5, 13, 6]
    results = list(workers.stream(square_or_worse, items, 2))
    assert [item for item, _ in results] == items
    for item, result in results:
        if item == 13:
            assert isinstance(result, WorkerError)
            assert "13" in str(result)
        else:
            assert result == item * item


def test_items_are_read_only_a_little_ahead() -> None:
    read = 0

    def items() -> "object":
        nonlocal read
        for item in range(1000):
            read += 1
            yield item

    stream = workers.stream(square_or_worse, items(), 2)  # type: ignore[arg-type]
    next(stream)
    assert read <= 16
    stream.close()  # type: ignore[attr-defined]


def test_an_error_that_nobody_foresaw_is_not_swallowed() -> None:
    with pytest.raises(TypeError):
        list(workers.stream(square_or_worse, ["text"], 2))  # type: ignore[list-item]


def test_workers_do_not_outlive_a_killed_parent(tmp_path: object) -> None:
    code = (
        "import os, time; from genrelens import workers\n"
        "def main():\n"
        "    stream = workers.stream(time.sleep, [0, 0, 1, 1, 1, 1], 2)\n"
        "    next(stream)\n"
        "    import multiprocessing; print(*[p.pid for p in multiprocessing.active_children()], flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "if __name__ == '__main__': main()\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pids = list(map(int, answer.stdout.split()))
    assert len(pids) == 2
    deadline = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}/cmdline") and open(f"/proc/{pid}/cmdline").read() for pid in pids):
        assert time.monotonic() < deadline, "workers live on"
        time.sleep(0.2)
