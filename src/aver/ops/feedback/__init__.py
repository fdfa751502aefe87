"""What people say of answers, and what becomes of it: tickets, the queue of turns that wait for a decision, clusters of failures."""
