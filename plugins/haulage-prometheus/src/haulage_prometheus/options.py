"""What can be set for the metrics in the config."""

from attrs import frozen, validators

from haulage.plugin import option

PORT = 9464


@frozen
class PrometheusOptions:
    """The options of `type: prometheus`."""

    port: int | None = option(
        None,
        help="The port that metrics are served at while a run lasts; by default 9464, or none beside a textfile.",
        example="9464",
        validator=validators.optional([validators.ge(1), validators.le(65535)]),
    )
    address: str = option(
        "127.0.0.1",
        help="The address that they are served at; `0.0.0.0` is every one of this machine.",
        example="0.0.0.0",  # noqa: S104 - an example
    )
    textfile: str | None = option(
        None,
        help="The file that they are written to, for the textfile collector of node-exporter; it reads `*.prom`.",
        example="/var/lib/node_exporter/haulage.prom",
    )
