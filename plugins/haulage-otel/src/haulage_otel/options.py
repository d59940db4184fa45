"""What can be set for the traces in the config."""

from attrs import frozen

from haulage.plugin import check_endpoint, option


@frozen
class OtelOptions:
    """The options of `type: otel`."""

    endpoint: str = option(
        "",
        help="The collector that speaks OTLP over HTTP; by default what `OTEL_EXPORTER_OTLP_ENDPOINT` says, and else "
        "`http://localhost:4318`.",
        example="http://collector:4318",
        validator=check_endpoint("OTEL_EXPORTER_OTLP_HEADERS"),
    )
