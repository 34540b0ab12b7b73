"""The command `merchant-credit`: a file a verb. Everything it does is in the library."""
