"""The conformance kit: the laws of the contracts, for components of anybody."""
