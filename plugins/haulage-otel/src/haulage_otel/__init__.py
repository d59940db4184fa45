"""OpenTelemetry traces of haulage."""
