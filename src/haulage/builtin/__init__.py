"""The components that come with haulage. Nothing imports them but the registry's `build` functions."""
