"""The config: pure steps from the text of a document to checked, typed values; nothing here reads files."""
