"""The metadata store on SQLAlchemy."""
