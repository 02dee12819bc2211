"""A program that tests kill: it records entries, several at once, and says the id of each that is
written. Arguments: address, prefix of the ids, their Unix time, bytes a file may have (0: any)."""

import asyncio
import os
import resource
import signal
import sys
from dataclasses import replace
from itertools import count

from rungwise.errors import StoreError
from rungwise.ledger.sql import SqlLedger
from rungwise.store.sql import Store
from rungwise.types import Outcome
from tests.ledger.test_sql import ENTRY

TOGETHER = 8


async def main(address: str, prefix: str, at: float, room: int) -> None:
    store = Store(address)
    await store.start()
    ledger, numbers = SqlLedger(store), count()

    async def record_for_ever() -> None:
        for number in numbers:
            id = f"{prefix}-{number}"
            await ledger.record(replace(ENTRY, id=id, at=at, route=f"r{number % 3}"))
            os.write(1, f"{id}\n".encode())
            if number % 5 == 0:
                await ledger.label(id, Outcome(right=number % 2 == 0))

    async def fill_up() -> None:
        """Until the files may not grow any more; then they may again."""
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
        for number in numbers:
            try:
                await ledger.record(replace(ENTRY, id=f"{prefix}-{number}", at=at))
            except StoreError as error:
                assert store.fault == str(error), store.fault
                os.write(1, f"full {error}\n".encode())
                break
            os.write(1, f"{prefix}-{number}\n".encode())
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        await ledger.record(replace(ENTRY, id=f"{prefix}-after", at=at))
        assert store.fault is None, store.fault
        os.write(1, f"{prefix}-after\n".encode())
        await store.stop()

    if room:
        await fill_up()
    else:
        await asyncio.gather(*(record_for_ever() for _ in range(TOGETHER)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])))
