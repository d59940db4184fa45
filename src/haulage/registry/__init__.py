"""Where components come from: hook specs, records, and the host that finds them."""
