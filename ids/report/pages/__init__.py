"""`ids report`: one static HTML page of a store, which works from file:// without any network."""
