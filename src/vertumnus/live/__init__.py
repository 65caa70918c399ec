"""A live run: made from a spec, iterated, obeying commands between steps; what the editor and the verbs hold."""
