"""A service on a free port of this machine that answers chat completions as a test tells it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def answer(text):
    return 200, {}, json.dumps({"choices": [{"message": {"content": text}}]}).encode()


class Server:
    """A real server on a free port; `reply` makes (status, headers, body) of a request."""

    def __init__(self, reply):
        self.asked = []
        lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    outer.asked.append((self.path, dict(self.headers), body))
                    number = len(outer.asked)
                found = reply(body, number)
                if found is None:  # hangs up without a word
                    self.close_connection = True
                    return
                status, headers, data = found
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
