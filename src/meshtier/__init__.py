"""From here, which endpoints of this service get traffic, in what order, how much, and why?"""
