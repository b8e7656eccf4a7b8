import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.support.processes import wait_until
from tests.support.server import serve_process


def test_requests_in_progress_finish_before_the_server_exits(tmp_path: Path, model_file: Path, song: Path) -> None:
    with serve_process(tmp_path, "--model", str(model_file)) as server, ThreadPoolExecutor() as threads:
        [worker] = server.workers()
        os.kill(worker, signal.SIGSTOP)
        response = threads.submit(server.post, song)
        wait_until(lambda: server.metric("genrelens_uploads_under_way") == 1)
        server.process.send_signal(signal.SIGINT)
        url = httpx.URL(server.url)
        wait_until(lambda: _refuses_connections(url.host, url.port or 80))
        os.kill(worker, signal.SIGCONT)
        assert response.result().status_code == 200
    assert server.process.returncode == 0
    assert list(tmp_path.iterdir()) == []
    assert not Path(f"/proc/{worker}").exists()


def _refuses_connections(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False
