"""Who is on call in other tools: what their REST APIs answered, turned into documents of the catalog."""
