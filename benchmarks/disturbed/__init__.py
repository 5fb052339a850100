"""A capture in which everything goes wrong that goes wrong in the street, and what each part mends of it."""
