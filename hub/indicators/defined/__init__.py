"""What each indicator means, by family; gathered in hub.indicators.definitions."""
