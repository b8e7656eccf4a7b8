import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from genrelens import workers
from genrelens.errors import AudioError, WorkerError


def square_or_fail(item: int) -> int:
    if item == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    if item == 7:
        raise AudioError("no sevens")
    time.sleep(0.01 * (item % 3))
    return item * item


def wait(seconds: float) -> None:
    time.sleep(seconds)


@pytest.mark.parametrize("processes", [1, 2])
def test_results_are_in_order_with_errors_in_their_place(processes: int) -> None:
    results = list(workers.map_in_order(square_or_fail, range(12), processes))
    assert [item for item, _ in results] == list(range(12))
    for item, result in results:
        if item == 7:
            assert isinstance(result, AudioError)
            assert str(result) == "no sevens"
        else:
            assert result == item * item


def test_an_item_that_kills_its_process_affects_no_other() -> None:
    items = [1, 2, 13, 3, 4, 5, 13, 6]
    results = list(workers.map_in_order(square_or_fail, items, 2))
    assert [item for item, _ in results] == items
    for item, result in results:
        if item == 13:
            assert isinstance(result, WorkerError)
            assert "13" in str(result)
        else:
            assert result == item * item


def test_a_crash_that_is_noticed_late_affects_no_other() -> None:
    items = [1, 2, 13, *range(20, 40)]
    results = []
    for item, result in workers.map_in_order(square_or_fail, items, 2):
        time.sleep(0.05)  # the pool breaks while the caller is busy
        results.append((item, result))
    assert [item for item, _ in results] == items
    assert [item for item, result in results if isinstance(result, WorkerError)] == [13]


def test_unordered_results_come_as_completed_and_always_from_a_worker_process() -> None:
    assert [item for item, _ in workers.map_unordered(wait, [1.0, 0.0], 2)] == [0.0, 1.0]
    results = dict(workers.map_unordered(square_or_fail, [7, 13, 3], 1))
    assert isinstance(results[7], AudioError)
    assert isinstance(results[13], WorkerError)
    assert results[3] == 9


def test_items_are_read_only_slightly_ahead() -> None:
    read = 0

    def items() -> Iterator[int]:
        nonlocal read
        for item in range(1000):
            read += 1
            yield item

    results = workers.map_in_order(square_or_fail, items(), 2)
    next(results)
    assert read <= 16
    del results


def test_unexpected_exceptions_propagate() -> None:
    with pytest.raises(TypeError):
        list(workers.map_in_order(square_or_fail, ["text"], 2))  # type: ignore[arg-type]


def test_workers_exit_with_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os, time\n"
        "from genrelens import workers\n"
        "if __name__ == '__main__':\n"
        "    results = workers.map_in_order(time.sleep, [0, 0, 60, 60, 60, 60], 2)\n"
        "    next(results)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    # The workers inherit stdout: its end is reached when the last of them is gone.
    process = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, timeout=30, check=False)
    assert process.returncode == -signal.SIGKILL
