"""Where `number_array` was; `sluice.core.arrays` has all checks of arrays."""

from sluice.core.arrays import number_array as number_array
