"""HTTP servers that stream audio."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def serve_http(respond: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Run an HTTP server that handles GET requests with `respond`; yield its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            respond(self)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/stream"
        finally:
            server.shutdown()
            thread.join()


def respond_with(status: int, kind: str, content: bytes) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    """Return a function that sends this response."""

    def respond(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.end_headers()
        request.wfile.write(content)

    return respond
