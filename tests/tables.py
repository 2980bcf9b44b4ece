"""A small real table with columns of every kind, some of them with missing values."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

FEATURES = ("radius", "texture", "smoothness", "band", "large", "seen")
TYPES = (pa.float64(), pa.float64(), pa.float64(), pa.string(), pa.bool_(), pa.date32())


def tumours(rows: int = 569) -> pa.Table:
    """Return rows of scikit-learn's breast cancer data: id, features of four kinds, label.

    The band is the tercile of the perimeter, `large` whether the area is above its median, and
    `seen` a day that goes with the concavity; they are ours, so that there is one of each kind.
    """
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    x = data.data
    terciles = np.searchsorted(np.quantile(x[:, 2], [1 / 3, 2 / 3]), x[:, 2])
    columns: list[list[object]] = [
        x[:, 0].tolist(),
        [None if i % 17 == 3 else v for i, v in enumerate(x[:, 1].tolist())],
        x[:, 4].tolist(),
        [None if i % 29 == 5 else ("low", "middle", "high")[t] for i, t in enumerate(terciles)],
        (x[:, 3] > np.median(x[:, 3])).tolist(),
        [date(2020, 1, 1) + timedelta(days=int(1000 * v)) for v in x[:, 6]],
    ]
    names = [str(data.target_names[code]) for code in data.target]
    table = pa.table(
        {
            "id": [f"case-{i:03d}" for i in range(len(x))],
            **{n: pa.array(c, t) for n, c, t in zip(FEATURES, columns, TYPES, strict=True)},
            "label": names,
        }
    )
    return table.slice(0, rows)
