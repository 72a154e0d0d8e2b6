"""What agency teams use: the SDK and ready connectors. Imports hub.contracts only."""
