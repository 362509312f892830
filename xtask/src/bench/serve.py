"""Serves a bundle as a static server does, `serve.py FOLDER PORT`, to a browser that is to show it only when it is done.

A browser's `--dump-dom` waits for all pictures of a page. So `index.html` gets one more, which comes when PyScript has told
the page that its scripts are done, and the page the server.
"""

import functools
import http.server
import sys
import threading

FOLLOWED = b"""<img src="/@done" alt="">
<script>
for (const kind of ["py", "mpy"]) addEventListener(`${kind}:all-done`, () => fetch("/@told"));
</script>
</body>"""

told = threading.Event()


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path in ("/", "/index.html"):
            told.clear()
            with open(self.translate_path("/index.html"), "rb") as page:
                self.answer("text/html", page.read().replace(b"</body>", FOLLOWED))
        elif self.path == "/@told":
            told.set()
            self.answer("text/plain", b"")
        elif self.path == "/@done":
            told.wait(60)
            self.answer("image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"/>')
        else:
            super().do_GET()

    def answer(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


folder, port = sys.argv[1], int(sys.argv[2])
http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(Handler, directory=folder)).serve_forever()
