"""What an organisation has of features, models, prompts, datasets, tools and sources, whose each is, and how risky."""
