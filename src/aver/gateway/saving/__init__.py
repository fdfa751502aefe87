"""Asking less of providers: shared calls, shorter prompts, hints for their caches, embeddings in batches."""
