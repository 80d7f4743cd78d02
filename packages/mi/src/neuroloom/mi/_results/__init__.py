"""Results, their files and their pictures."""
