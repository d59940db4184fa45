"""The contracts between core and its components. Plugin authors import them from haulage.plugin."""
