"""Look at every page of the built site in a browser, at the widths of a desk and of a hand.

python tools/check_site.py [docs/_build/html] [--only PART] [--out FILE.json]

Fails where a page is wider than its window, an image has no alternative text or cannot be loaded,
a table is shown as Markdown's pipes, or a figure as the text ``<Figure size …>``, where output is a
progress bar, a warning with its file or an object's address, and where text has a contrast below 3
to what is behind it, in the light or the dark theme. Needs Chromium (Debian: ``apt-get install
chromium``), named by CHROMIUM if it is not on the path.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTHS = (1280, 390)
SKIPPED = ("_static/", "_sources/", "_modules/")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)

# One page loads all others into a frame, each at every width, and posts what it finds.
LOOK = """<!doctype html><title>check</title><iframe id="frame" style="border:0;height:900px"></iframe>
<script>
const pages = PAGES, widths = WIDTHS, frame = document.getElementById("frame");
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
function load(page) {
  return new Promise((done) => { frame.onload = done; frame.src = "/" + page; });
}
function scrolls(node) {
  for (; node; node = node.parentElement) {
    const style = node.ownerDocument.defaultView.getComputedStyle(node);
    if (["auto", "scroll", "hidden", "clip"].includes(style.overflowX)) return true;
    if (style.position === "fixed") return true;
  }
  return false;
}
function widest(page, width) {
  for (const node of page.querySelectorAll("body *")) {
    if (node.getBoundingClientRect().right > width + 1 && !scrolls(node))
      return node.tagName.toLowerCase() + "." + node.className + ": " + node.textContent.trim().slice(0, 60);
  }
  return "?";
}
function channels(color) {
  const parts = color.match(/[\\d.]+/g);
  if (!parts) return null;
  const [r, g, b, a] = parts.map(Number);
  return color.startsWith("color(srgb") ? [r * 255, g * 255, b * 255, a ?? 1] : [r, g, b, a ?? 1];
}
function luminance(color) {
  const [r, g, b] = color.map((c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function behind(node) {
  for (; node; node = node.parentElement) {
    const color = channels(node.ownerDocument.defaultView.getComputedStyle(node).backgroundColor);
    if (color && color[3] > 0.9) return color;
  }
  return [255, 255, 255, 1];
}
function faint(page) {
  for (const node of page.querySelectorAll("article p, article td, article th, article pre, article pre span, article a, article li, article h1, article h2, article code")) {
    const own = [...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim());
    if (!own || !node.getClientRects().length) continue;
    const ink = channels(page.defaultView.getComputedStyle(node).color);
    if (!ink) continue;
    const [a, b] = [luminance(ink), luminance(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 3) return node.tagName.toLowerCase() + "." + node.className + " (" + ratio.toFixed(1) + "): " + node.textContent.trim().slice(0, 40);
  }
  return "";
}
async function look(name) {
  const found = [];
  frame.style.width = widths[0] + "px";
  await load(name);
  const page = frame.contentDocument;
  const images = [...page.images];
  images.forEach((image) => { image.loading = "eager"; });
  await Promise.race([Promise.all(images.map((i) => i.decode().catch(() => 0))), wait(3000)]);
  for (const image of images) {
    const source = image.getAttribute("src");
    if (!(image.getAttribute("alt") || "").trim()) found.push("image without alt text: " + source);
    if (!image.naturalWidth) found.push("image missing: " + source);
  }
  for (const node of page.querySelectorAll("article p, article li, article dd")) {
    if (/^\\s*\\|.*\\|/m.test(node.textContent) && !node.querySelector("code, pre, .math"))
      found.push("pipes: " + node.textContent.trim().slice(0, 60));
  }
  if (/<Figure size/.test(page.body.innerText)) found.push("figure shown as text");
  for (const node of page.querySelectorAll("article div.output pre, article .sphx-glr-script-out pre")) {
    const noise = node.textContent.match(/<[\\w.]+ (object )?at 0x[0-9a-f]+>|\\[Text\\(|.*\\d(it\\/s|s\\/it)\\]|\\S+\\.py:\\d+: \\w+Warning.*/);
    if (noise) found.push("output that nobody meant to show: " + noise[0].slice(0, 80));
  }
  for (const theme of ["light", "dark"]) {
    page.body.dataset.theme = theme;
    const text = faint(page);
    if (text) found.push("too little contrast in " + theme + " mode: " + text);
  }
  for (const width of widths) {
    frame.style.width = width + "px";
    await wait(20);
    const all = page.documentElement;
    if (all.scrollWidth > all.clientWidth + 1)
      found.push("wider than " + width + " px (" + all.scrollWidth + "): " + widest(page, width));
  }
  return found;
}
(async () => {
  const result = {};
  for (const name of pages) {
    try { result[name] = await look(name); } catch (error) { result[name] = ["cannot be looked at: " + error]; }
  }
  await fetch("/found", { method: "POST", body: JSON.stringify(result) });
})();
</script>"""  # noqa: E501


def pages_of(site: Path, only: str) -> list[str]:
    """Return the addresses of the pages."""
    names = (path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return sorted(name for name in names if not name.startswith(SKIPPED) and only in name)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serve the site and the page that looks at it; keep what that one posts."""

    look = ""
    found: dict[str, list[str]]
    done = threading.Event()

    def do_GET(self) -> None:
        """Serve a file, or the page that looks."""
        if self.path != "/look":
            return super().do_GET()
        content = self.look.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        return None

    def do_POST(self) -> None:
        """Keep what was found."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).found = json.loads(content)
        self.send_response(204)
        self.end_headers()
        self.done.set()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def browser() -> str:
    """Return Chromium's path."""
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if not found:
        sys.exit("Chromium was not found: install it, or name it in CHROMIUM")
    return found


def look(site: Path, pages: list[str], timeout: float) -> dict[str, list[str]]:
    """Return what is wrong with each page."""
    Handler.look = LOOK.replace("PAGES", json.dumps(pages)).replace("WIDTHS", json.dumps(WIDTHS))
    Handler.done.clear()
    serve = functools.partial(Handler, directory=str(site))
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/look"
        options = (
            f"--user-data-dir={profile}",
            "--remote-debugging-port=0",
            "--window-size=1400,1000",
        )
        with subprocess.Popen(
            [browser(), *FLAGS, *options, address],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                if not Handler.done.wait(timeout):
                    sys.exit(f"the browser did not finish {len(pages)} pages in {timeout:g} s")
            finally:
                process.terminate()
        server.shutdown()
    return Handler.found


def main() -> int:
    """Look, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("site", nargs="?", type=Path, default=ROOT / "docs" / "_build" / "html")
    parser.add_argument("--only", default="", help="look at pages whose address holds this")
    parser.add_argument("--timeout", type=float, default=1200.0, help="seconds for all pages")
    parser.add_argument("--out", type=Path, help="file for what was found, as JSON")
    options = parser.parse_args()
    pages = pages_of(options.site, options.only)
    if not pages:
        sys.exit(f"no pages in {options.site}: build the site first")
    found = {
        page: wrong for page, wrong in look(options.site, pages, options.timeout).items() if wrong
    }
    for page, wrong in found.items():
        print(page, *(f"    {each}" for each in wrong), sep="\n")
    print(f"{len(pages)} pages at {' and '.join(map(str, WIDTHS))} px: {len(found)} with faults")
    if options.out:
        options.out.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
