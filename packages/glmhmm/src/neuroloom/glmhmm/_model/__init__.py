"""What a model is made of: penalties, parameters, settings."""
