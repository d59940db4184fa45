"""What storing costs: tables of what services ask for, and what of them applies to the storages of a config."""
