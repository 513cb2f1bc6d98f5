"""A model's forward computation as source for frameworks that differentiate it themselves; only `compare` asks for it."""
