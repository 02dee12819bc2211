"""`scripts/train-demo-models`: train the three demo models, one after another; resumable."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rungwise.lab.demo_models.shapes import NAMES

MINUTES = {"bottom": 16.0, "middle": 40.0, "top": 66.0}


def main() -> None:
    parser = argparse.ArgumentParser(prog="train-demo-models", description=__doc__)
    parser.add_argument("names", nargs="*", default=NAMES, help="which of bottom, middle, top")
    parser.add_argument("--minutes", type=float, help="training time, instead of the usual")
    parser.add_argument("--models", type=Path, default=Path("models/demo"))
    parser.add_argument("--build", type=Path, default=Path(".build/demo-models"))
    parser.add_argument(
        "--fused", action="store_true", help="torch.compile: faster steps after a minute"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", action="store_true", help="only picture and test accuracy")
    arguments = parser.parse_args()
    from rungwise.lab.demo_models.report import report
    from rungwise.lab.demo_models.tokenizer import make_tokenizer
    from rungwise.lab.demo_models.train import train

    tokenizer = make_tokenizer(arguments.seed)
    for name in () if arguments.report else arguments.names:
        result = train(
            name,
            tokenizer,
            minutes=arguments.minutes or MINUTES[name],
            folder=arguments.models / name,
            build=arguments.build,
            seed=arguments.seed,
            fused=arguments.fused,
        )
        arguments.build.mkdir(parents=True, exist_ok=True)
        (arguments.build / f"{name}.json").write_text(json.dumps(result))
    if all((arguments.build / f"{name}.json").exists() for name in NAMES):
        report(arguments.models, arguments.build)


if __name__ == "__main__":
    main()
