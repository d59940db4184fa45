"""The core: what a job needs next, doing it, and running many."""
