"""A PostgreSQL server of a test run's own."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST_START = 60


def programs() -> Path | None:
    """Return the folder of PostgreSQL's server programs, as Debian installs them, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@contextmanager
def server(folder: Path, bin_folder: Path, password: str = "") -> Iterator[str]:
    """Run a server in a folder, and give how to reach it, without database and password."""
    import psycopg

    data = folder / "pg"
    data.mkdir()
    # PostgreSQL does not run as root.
    user = "postgres" if os.getuid() == 0 else None
    if user:
        for part in (folder, *folder.parents):
            if part != Path("/") and part.stat().st_uid == 0:
                part.chmod(part.stat().st_mode | 0o011)
        shutil.chown(data, user, user)
    who = {"user": user, "group": user, "extra_groups": []} if user else {}
    entry = ["-A", "trust"]
    if password:
        (folder / "password").write_text(password)
        entry = ["-A", "scram-sha-256", "--pwfile", folder / "password"]
    subprocess.run(
        [bin_folder / "initdb", "-D", data, *entry, "-N"],
        check=True,
        capture_output=True,
        **who,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"host=127.0.0.1 port={port} user={user or getpass.getuser()}"
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": data, "fsync": "off"}
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [bin_folder / "postgres", "-D", data, "-p", str(port), *options],
            stdout=log,
            stderr=log,
            **who,
        )
    try:
        until = time.monotonic() + LONGEST_START
        while True:
            try:
                psycopg.connect(f"{address} dbname=postgres", password=password or None).close()
                break
            except psycopg.OperationalError:
                if process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.1)
        yield address
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(30)
