"""Settings shared by the tests of the package."""

import tempfile

import numpy as np
import pytest
from hypothesis import configuration, settings

# Nothing is remembered between runs, so nothing is left in the working tree.
configuration.set_hypothesis_home_dir(tempfile.mkdtemp(prefix="hypothesis-"))

# The same examples in every run, and no deadline: a shared machine is slow at times.
settings.register_profile("book", derandomize=True, database=None, deadline=None, max_examples=60)
settings.load_profile("book")


@pytest.fixture
def rng():
    return np.random.default_rng(2024)
