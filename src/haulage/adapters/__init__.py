"""What makes a component of something that exists already; for authors of plugins through haulage.plugin."""
