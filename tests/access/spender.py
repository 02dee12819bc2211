"""One of several servers that spend from the same budget: `python -m tests.access.spender URL CAP`.

For each line `SEED ANSWERS` on its input it asks for so many answers at once, and writes one line:
how many were paid for, what they cost, and how many could not be written down.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys

from rungwise.errors import StoreError
from tests.access.accounts import Account, account, bids, capped, ended, tried

DEAREST = 150
"""What one rung can cost at most."""


def caller_of(seed: int) -> str:
    return f"seed{seed}"


async def main(url: str, cap: int) -> None:
    async with account(url) as books:
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            seed, answers = map(int, line.split())
            draw = random.Random(f"{seed} {books.lease.id}")
            asked = (_answer(books, seed, cap, number, draw) for number in range(answers))
            told = await asyncio.gather(*asked)
            paid = [nano for nano in told if nano is not None and nano >= 0]
            print(json.dumps([len(paid), sum(paid), told.count(-1)]), flush=True)


async def _answer(
    books: Account, seed: int, cap: int, number: int, draw: random.Random
) -> int | None:
    """What it cost; None where there was no money for it, -1 where it could not be written."""
    worst = [draw.randint(50, DEAREST) for _ in range(draw.randint(1, 2))]
    costs = [draw.randint(0, nano) for nano in worst]
    pauses = [draw.random() * 0.02 for _ in worst]
    offered, id = bids(*worst, first="tier0"), f"{seed}:{books.lease.id}:{number}"
    caller = capped(cap, name=caller_of(seed))
    granted = await books.purse.reserve(id, caller, offered, most_nano=None)
    if not granted.rungs:
        return -1 if granted.lost else None
    attempts = []
    for bid, cost, pause in list(zip(offered, costs, pauses, strict=True))[: granted.rungs]:
        await asyncio.sleep(pause)
        attempts.append(tried(bid.tier, cost))
    try:
        await books.ledger.record(ended(id, attempts, caller=caller.name))
    except StoreError:
        return -1
    return sum(costs[: granted.rungs])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
