"""Pages as a headless Chromium shows them."""

import re
import shutil
import subprocess

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def browse(page, *flags):
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
    ]
    command += ["--disable-component-update", "--disable-sync", f"--user-data-dir={page.parent / 'profile'}", *flags]
    return subprocess.run([*command, page.as_uri()], capture_output=True, timeout=90, check=True)


def widths(html, page, window_px):
    """How wide the page's content is in a window of that width, and the window, both as the browser measures them."""
    probe = "<script>document.title=document.documentElement.scrollWidth+' '+innerWidth</script></body>"
    html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html).replace("</body>", probe)
    page.write_text(html, encoding="utf-8")
    done = browse(page, f"--window-size={window_px},900", "--dump-dom")
    found = re.search(rb"<title>(\d+) (\d+)</title>", done.stdout)
    assert found, done.stdout[:300]
    return int(found[1]), int(found[2])
