"""Pages for people: HTML made on the server, readable without JavaScript, out of the same functions as the API's."""
