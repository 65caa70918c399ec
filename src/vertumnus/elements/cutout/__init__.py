"""Objects cut out of photographs, to be pieces."""
