"""Who answers: the strategies of a route."""
