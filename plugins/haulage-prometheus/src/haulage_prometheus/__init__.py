"""Prometheus metrics of haulage."""
