"""A Toolbeam of its own process, for as long as it is measured."""

import json
import subprocess
from contextlib import contextmanager


@contextmanager
def served(binary, arguments):
    """Starts `toolbeam serve` on a free port; its address."""
    command = [binary, "--log-format", "json", "serve", "--listen", "127.0.0.1:0", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            fields = json.loads(line).get("fields", {})
            if fields.get("message") == "serving":
                break
        else:
            raise SystemExit(f"{binary} ended before it served")
        # What it logs later is read, so that it never waits for a reader.
        subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
        yield fields["address"]
    finally:
        process.terminate()
        process.wait()
