"""What strangers may build on: a change here is a change of the public face."""

import rungwise
from rungwise import contracts, errors, types


def test_the_package_itself() -> None:
    assert rungwise.__all__ == ["__version__"]


def test_contracts() -> None:
    assert contracts.__all__ == [
        "Cache",
        "Drafting",
        "Gate",
        "Judgement",
        "Keyring",
        "Ledger",
        "Onlooker",
        "Pace",
        "Probe",
        "Purse",
        "Repeats",
        "Router",
        "Signal",
        "Tier",
        "Verifier",
    ]


def test_the_error_tree_is_the_one_its_docstring_draws() -> None:
    drawn = [
        line.split("──")[1].split()[0]
        for line in (errors.__doc__ or "").splitlines()
        if "──" in line
    ]
    defined = [
        name
        for name, item in vars(errors).items()
        if isinstance(item, type)
        and issubclass(item, errors.RungwiseError)
        and item is not errors.RungwiseError
    ]
    assert sorted(drawn) == sorted(defined)


def test_the_words_of_the_house_are_all_there() -> None:
    words = "Chat Wish StepType Plan Draft Reading Confidence Attempt Entry Outcome Accept Escalate"
    assert all(hasattr(types, word) for word in words.split())
