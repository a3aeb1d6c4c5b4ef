"""What all tests share: Hypothesis without deadlines, since machines differ in speed."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "graphcalc", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("graphcalc")


def pytest_addoption(parser):
    """Golden command lines change only when this is asked for."""
    parser.addoption(
        "--update-cases",
        action="store_true",
        help="write anew what tests/cases and tests/errors expect",
    )
    parser.addoption(
        "--exhaustive",
        action="store_true",
        help="run every sample that torch has of every function too, which takes an hour",
    )


def pytest_collection_modifyitems(config, items):
    """Leave out what is exhaustive, unless it is asked for."""
    if config.getoption("--exhaustive"):
        return
    left_out = [item for item in items if item.get_closest_marker("exhaustive")]
    items[:] = [item for item in items if not item.get_closest_marker("exhaustive")]
    config.hook.pytest_deselected(items=left_out)
