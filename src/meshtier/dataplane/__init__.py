"""How does each data plane spread load over the endpoints that it was given?"""
