"""The command line: a file a verb, each a thin shell over the library."""
