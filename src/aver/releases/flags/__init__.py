"""Feature flags: declared in the bundle or kept by a vendor, asked for through OpenFeature."""
