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
