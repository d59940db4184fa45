"""Compare a database with its storages, in both directions, and mend what disagrees.

`audit` walks through everything and asks the other rooms: `inventory` keeps what storages list, `judge` decides (pure),
`look` examines one job, `mend` repairs it while it is held, `strays` deals with what no row claims, `adopt` takes in
what explains itself, and `remains` finds what uploads left behind.
"""
