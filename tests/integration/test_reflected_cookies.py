"""A site that sends back the cookies it was given: they are neither shown nor kept."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

COOKIE = "PLANTEDcookie-q7Zx9"


@pytest.fixture
def mirror(site):
    """The address of a site that says the cookie in a status and in a title."""
    clip = site.file("clip.mp4").read_bytes()

    class Mirror(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            cookie = self.headers.get("Cookie", "")
            status, kind, body = {
                "/refuse.mp4": ((403, f"no session {cookie}"), "text/plain", b""),
                "/page": (
                    (200, "OK"),
                    "text/html",
                    f"<title>Seen {cookie}</title><video src='/clip.mp4'></video>".encode(),
                ),
            }.get(self.path, ((200, "OK"), "video/mp4", clip))
            self.send_response(*status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_cookie_that_a_site_sends_back_is_not_kept(mirror, program):
    """It is in no output, row, record or file, whether the site put it into a refusal or into a title."""
    folder = program.folder
    (folder / "cookies.txt").write_text(
        f"# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t2147483647\tsid\t{COOKIE}\n"
    )
    config = folder / "haulage.yaml"
    config.write_text(f"{config.read_text()}fetcher: {{cookies: cookies.txt, info: true}}\nretry: {{attempts: 1}}\n")
    said = ""
    for command in (["get", f"{mirror}/refuse.mp4", f"{mirror}/page"], ["list", "--json"], ["failures"]):
        said += "".join(program.start("--log-level", "debug", *command).communicate(timeout=60))
    assert "no session" in said, said
    assert "Seen sid=***" in said, said
    assert COOKIE not in said, "the program showed a cookie"
    files = [each for each in folder.rglob("*") if each.is_file() and each.name != "cookies.txt"]
    assert [each.name for each in files if COOKIE.encode() in each.read_bytes()] == [], "a cookie was kept"
