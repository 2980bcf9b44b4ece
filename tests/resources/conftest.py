"""A Postgres catalogue for the tests that ask for one."""

from collections.abc import Iterator

import pytest
from postgres_server import programs, server


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a PostgreSQL server for all tests and return how to reach it."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL's server programs are not installed")
    with server(tmp_path_factory.mktemp("postgres"), found) as address:
        yield address


@pytest.fixture
def postgres(postgres_server: str, request: pytest.FixtureRequest) -> str:
    """Return how to reach an empty database of this test's own."""
    import psycopg

    name = f"t{abs(hash(request.node.nodeid))}"
    with psycopg.connect(f"{postgres_server} dbname=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{postgres_server} dbname={name}"
