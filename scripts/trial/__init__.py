"""A whole platform on trial: engines and a platform of its own, a load, and the count at the end from the stores."""
