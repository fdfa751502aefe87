"""What a bundle declares for the gateway: read, checked, kept up to date."""
