"""Serves a folder on loopback and logs as `http.server` does: `serve.py FOLDER [PORT] [plain]`.

Without `plain`, with the headers that give pages shared memory.
"""

import functools
import http.server
import sys


class Isolated(http.server.SimpleHTTPRequestHandler):
    def end_headers(self):
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()


folder, *more = sys.argv[1:]
kind = http.server.SimpleHTTPRequestHandler if "plain" in more else Isolated
port = int(next((word for word in more if word.isdigit()), 0))
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(kind, directory=folder))
print(server.server_port, flush=True)
server.serve_forever()
