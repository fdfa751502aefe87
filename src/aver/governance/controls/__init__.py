"""Controls of published frameworks, each with the queries over evidence that speak for it: data in ``frameworks``, words of Aver's own."""
