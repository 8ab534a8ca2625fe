"""Commands of ``offkey`` that have a file of their own; heavy packages are imported inside."""
